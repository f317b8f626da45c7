"""The parts of ``experiments/divergence_table.py``: the generators, the cells of the table, the page."""
