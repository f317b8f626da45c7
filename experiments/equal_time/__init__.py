"""Ways to train a generator of bits, side by side, for the same number of seconds."""
