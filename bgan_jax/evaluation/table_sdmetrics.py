"""The scores of ``sdmetrics``, the field's own reports on synthetic tables; an extra, not rewritten here."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from bgan_jax.data import Column, TableCells


def available() -> bool:
    """Returns whether sdmetrics is installed: ``pip install 'bgan_jax[sdmetrics]'``."""
    return importlib.util.find_spec("sdmetrics") is not None


def sdmetrics_scores(real: TableCells, synthetic: TableCells, columns: Sequence[Column]) -> dict[str, float]:
    """Computes the two properties of the quality report, and the diagnostic report.

    Its pair trends leave out pairs of categories whose association in the real rows is weak, and so do not say how much
    of all pairs is kept; ``table_pairs`` does.

    Args:
      real: held-out rows.
      synthetic: rows of a generator.
      columns: of the table.

    Returns:
      ``column_shapes``, ``pair_trends``, ``validity`` and ``structure``, each in [0, 1], 1 the best.
    """
    import pandas
    from sdmetrics.reports.single_table import DiagnosticReport, QualityReport

    kinds = {column.name: column.kind for column in columns}
    metadata = {
        "columns": {name: {"sdtype": "numerical" if kinds[name] == "number" else "categorical"} for name in real.names}
    }
    marks = {column.name: column.decimal_mark for column in columns}
    missing = {column.name: column.missing for column in columns}

    def frame(cells: TableCells) -> pandas.DataFrame:
        table = pandas.DataFrame(cells.rows, columns=cells.names)
        for name in cells.names:
            absent = table[name] == missing[name]
            if kinds[name] == "number":
                table[name] = pandas.to_numeric(table[name].mask(absent).str.replace(marks[name], "."))
        return table

    frames = frame(real), frame(synthetic)
    quality, diagnostic = QualityReport(), DiagnosticReport()
    for report in (quality, diagnostic):
        report.generate(*frames, metadata, verbose=False)
    found = {
        row["Property"]: float(row["Score"])
        for report in (quality, diagnostic)
        for _, row in report.get_properties().iterrows()
    }
    return {
        "column_shapes": found["Column Shapes"],
        "pair_trends": found["Column Pair Trends"],
        "validity": found["Data Validity"],
        "structure": found["Data Structure"],
    }
