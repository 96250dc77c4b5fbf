"""The site: what Sphinx reads, and how it looks. `make docs` builds it.

The source folder is the repository itself, so that PATTERNS.md, ARCHITECTURE.md and CHANGELOG.md are pages where they
are, and a relative link leads to the same place in the repository and on the site. Nothing is fetched, neither when the
site is built nor when it is read.
"""

from mega_typed import __version__

project = "mega-typed"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = ["docs/*.md", "docs/reference/*.md", "PATTERNS.md", "ARCHITECTURE.md", "CHANGELOG.md"]
exclude_patterns = [".*", "build", "dist", "site", "tests"]
suppress_warnings = ["misc.highlighting_failure"]  # examples of JSON and consoles with `...` in them

default_role = "code"  # docstrings mark code with one backtick or two
myst_heading_anchors = 3
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_default_options = {"members": True, "member-order": "bysource", "exclude-members": "model_config"}
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"mega-typed {version}"
html_extra_path = ["root"]  # the front door: / leads to docs/index.html
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
