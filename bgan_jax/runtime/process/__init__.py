"""The operating-system process of a run: its exit code, its heap, and the signals that end it."""
