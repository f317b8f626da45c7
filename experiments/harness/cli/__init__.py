"""The command line: flags from a typed record, help, errors, exit codes.

================  ===================================================================
file              holds
================  ===================================================================
``catalogue.py``  the experiments by name
``command.py``    an experiment as a command: its flags, its errors, its exit code
``errors.py``     errors that a user can correct
``flags.py``      flags from a typed record
``lists.py``      flags whose value is a list
================  ===================================================================
"""
