"""The Markdown of the experiments' tables as HTML."""

from __future__ import annotations

import html


def markdown_tables(text: str) -> str:
    r"""Converts tables, headings and paragraphs, which is all the Markdown that experiments write.

    Args:
      text: Markdown.

    Returns:
      HTML, with every text escaped.

    Example:
      >>> markdown_tables("| a | b |\n|---|---|\n| 1 | <2 |\n\nSo it is.")
      '<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>&lt;2</td></tr></table><p>So it is.</p>'
    """
    parts: list[str] = []
    rows: list[str] = []
    for line in [*text.splitlines(), ""]:
        stripped = line.strip()
        if stripped.startswith("|"):
            cells = [cell.strip() for cell in stripped.strip("|").split("|")]
            if not all(set(cell) <= set("-: ") and cell for cell in cells):
                tag = "td" if rows else "th"
                rows.append("<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>")
            continue
        if rows:
            parts.append(f"<table>{''.join(rows)}</table>")
            rows = []
        if stripped.startswith("#"):
            parts.append(f"<h3>{html.escape(stripped.lstrip('# '))}</h3>")
        elif stripped:
            parts.append(f"<p>{html.escape(stripped)}</p>")
    return "".join(parts)
