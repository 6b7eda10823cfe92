"""How Sphinx makes the site: ``make docs``."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from sphinx.application import Sphinx

_DOCS = Path(__file__).parent
sys.path[:0] = [str(_DOCS.parent / "src"), str(_DOCS)]
os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(_DOCS.parent / "conf" / "logging.yml"))  # Sphinx is in another directory

warnings.filterwarnings("ignore", module="kedro")  # Kedro's own affairs

import generated  # noqa: E402

import lending_club  # noqa: E402

project = "lending_club"
version = lending_club.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_static"]
myst_heading_anchors = 4
# No type of another package is documented here, and there is no network to look for its documentation.
nitpick_ignore_regex = [("py:.*", r"(?!lending_club\b).*"), ("py:.*", r".*\._\w+|lending_club\.(csv_file|datasets\.preview)\..*")]
# DuckDB's {'name': value} and the {batch} of expectations are no SQL to Pygments, which then colours the rest all the same.
suppress_warnings = ["misc.highlighting_failure"]

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
napoleon_use_ivar = True

smartquotes = False  # it makes a dash of the two of an option

html_theme = "furo"
html_title = "lending_club"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = False  # a browser that has the site from disk does not let a script read other pages

_MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)
_PAGES: dict[str, Callable[[], str]] = {
    "catalog": generated.catalog,
    "changelog": generated.changelog,
    "commands": generated.commands,
    "expectations": generated.expectations,
    "make_targets": generated.make_targets,
    "models": generated.models,
    "parameters": generated.parameters,
    "python": generated.python,
    "schemas": generated.schemas,
}


def _fill_in(_app: Sphinx, _name: str, source: list[str]) -> None:
    """Put what is made from the code in the place of its mark, which is invisible where the page is read as it is."""
    source[0] = _MARK.sub(lambda mark: _PAGES[mark[1]](), source[0])


def setup(app: Sphinx) -> None:
    """Have the marks filled in."""
    app.connect("source-read", _fill_in)
