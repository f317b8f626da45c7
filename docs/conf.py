"""The settings of the site, which Sphinx reads: ``python -m sphinx -W -j 2 docs site``.

The site fetches nothing from the network: MathJax is copied from its package. Notebooks are shown with the results that
``docs/execute_notebooks.py`` keeps.
"""

from __future__ import annotations

import importlib.resources
import re
import shutil
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import site_pages  # noqa: E402
from sphinx.errors import ExtensionError  # noqa: E402

from bgan_jax.version import __version__  # noqa: E402

project = "bgan_jax"
release = version = __version__
author = "the authors of bgan_jax"
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "myst_nb",
    "sphinx_design",
]
exclude_patterns = ["results", "executed"]  # Shown on the pages of the experiments and of the notebooks.
html_theme = "furo"
html_title = "bgan_jax"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False

html_show_copyright = False

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # The text of an argument says its shape and whether it is static.
napoleon_use_ivar = True
python_maximum_signature_line_length = 100
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"

mathjax_path = "tex-svg.js"
mathjax3_config = {"svg": {"scale": 0.9}}


def setup(app):
    """Writes the pages that are made from the code, and copies MathJax, before Sphinx reads the sources."""
    site_pages.write_all()
    app.connect("autodoc-skip-member", _is_field)
    app.connect("build-finished", _copy_mathjax)
    app.connect("build-finished", _check_that_no_network_is_needed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _is_field(app, what, name, member, skip, options):
    """Skips the fields of named tuples: the docstring of the class lists them with their meaning."""
    return True if type(member).__name__ == "_tuplegetter" else None


def _copy_mathjax(app, error):
    if error is None and app.builder.format == "html":
        source = importlib.resources.files("mathjax") / "static" / "mathjax" / "es5" / mathjax_path
        with importlib.resources.as_file(source) as file:
            shutil.copy(file, Path(app.outdir) / "_static" / mathjax_path)


def _check_that_no_network_is_needed(app, error):
    loaded = re.compile(r'<(?:script|img|iframe)[^>]+src="(?:https?:)?//[^"]+|<link[^>]+stylesheet[^>]+//[^>]+')
    for page in Path(app.outdir).rglob("*.html") if error is None and app.builder.format == "html" else ():
        if found := loaded.search(page.read_text(encoding="utf-8")):
            raise ExtensionError(f"{page.name} loads something from the network: {found[0]}")
