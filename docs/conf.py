"""How the documentation is built: `sphinx-build -W docs OUTPUT`."""

from grantway.version import __version__

project = "grantway"
author = "The grantway authors"
version = release = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"grantway {__version__}"
exclude_patterns = ["_build"]
