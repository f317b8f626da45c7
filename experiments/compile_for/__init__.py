"""Compiles an experiment's step for devices that are not there, and says what the compiler makes of it.

======================  ================================================================================================
file                    holds
======================  ================================================================================================
``__main__.py``         the command
``blank_data.py``       data sets of which only the shapes are known
``chips.py``            published figures of the chips, and the devices of a topology
``gpu_targets.py``      the facts of a GPU from which its compiler works
``memory_traffic.py``   reads an optimised program: what it moves between a chip and its memory
``program_text.py``     reads an optimised program: cycles, collectives, copies
``report.py``           what a compiled step needs and costs, in numbers and in words
``steps.py``            the step that each experiment compiles
``table.py``            compiles the cases of the committed table, and writes it
======================  ================================================================================================
"""
