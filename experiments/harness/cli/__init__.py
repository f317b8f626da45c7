"""The command line: flags from a typed record, help, errors, exit codes."""
