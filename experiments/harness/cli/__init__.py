"""The command line: flags from a typed record, help, errors, exit codes.

========================  ===================================================================
file                      holds
========================  ===================================================================
``catalogue.py``          the experiments by name
``command.py``            an experiment as a command: its flags, its errors, its exit code
``compilation_cache.py``  JAX's persistent cache of compiled programs
``early_interrupt.py``    Ctrl-C while the command is still imported
``flags.py``              flags from a typed record
``help.py``               what ``--help`` and ``--helpfull`` show
``lists.py``              flags whose value is a list
``needs.py``              what a flag needs of others to have an effect
``outputs.py``            whether the files and folders that a command writes can be written
``shared_flags.py``       flags that commands of any kind share
========================  ===================================================================
"""
