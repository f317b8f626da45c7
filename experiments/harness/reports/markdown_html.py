"""The Markdown of the experiments' tables as HTML."""

from __future__ import annotations

import html

INDENT = "    "  # Of lines that are shown as they are.


def markdown_tables(text: str) -> str:
    r"""Converts tables, headings, paragraphs and indented lines, which is all the Markdown that experiments write.

    Args:
      text: Markdown.

    Returns:
      HTML, with every text escaped.

    Example:
      >>> markdown_tables("| a | b |\n|---|---|\n| 1 | <2 |\n\nSo it is.")
      '<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>&lt;2</td></tr></table><p>So it is.</p>'
      >>> markdown_tables("Two lines:\n\n    one\n    | two")
      '<p>Two lines:</p><pre>one\n| two\n</pre>'
    """
    parts: list[str] = []
    rows: list[str] = []
    code: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith(INDENT):
            code.append(html.escape(line.removeprefix(INDENT)) + "\n")
            continue
        if code:
            parts.append(f"<pre>{''.join(code)}</pre>")
            code = []
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
