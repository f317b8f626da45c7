"""The constant parts of a report page: its content security policy, its style, and the script of its slider."""

from __future__ import annotations

from pathlib import Path

# The browser may fetch nothing: images are data inside the page, and the one script is the page's own.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
SCRIPT = (Path(__file__).parent / "report.js").read_text(encoding="utf-8")
