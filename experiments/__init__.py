"""One file per claimed result; the only place where command-line flags are defined and read."""
