"""A training run: its flags, its data, its program, its seeds, and how it is started, trained and read back."""
