"""How Sphinx makes the documentation site: `make docs`, warnings are errors."""

import re
from os.path import relpath
from pathlib import Path

from sphinx.application import Sphinx

from phasekey import __version__

project = "Phasekey"
author = "the Phasekey authors"
project_copyright = f"2026, {author}. Apache-2.0"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
templates_path = ["_templates"]
exclude_patterns = ["_templates"]
myst_heading_anchors = 4

autosummary_generate = True
autodoc_default_options = {
    "members": True,
    "undoc-members": True,
    "show-inheritance": True,
    "ignore-module-all": True,  # a name that a package passes on is described where it is defined
}
autodoc_inherit_docstrings = False  # of other libraries, in their own markup
autodoc_mock_imports = ["flwr", "httpx"]  # Flower conflicts with our pins: an environment of its own
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
suppress_warnings = [
    "ref.python",  # a name in "Raises:" that two modules have
    "myst.header",  # a heading two levels below the last
]

html_theme = "furo"
html_title = f"Phasekey {version}"
html_copy_source = False

DOCS = Path(__file__).resolve().parent
ROOT_PAGES = {  # pages of the site that are files of the repository's root
    "project/readme": "README.md",
    "project/architecture": "ARCHITECTURE.md",
    "project/contributing": "CONTRIBUTING.md",
    "project/changelog": "CHANGELOG.md",
    "project/security": "SECURITY.md",
}
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")
CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
SECTIONS = "Args|Attributes|Examples?|Keyword Args|Notes?|Raises|Returns|See Also|Warns|Yields"  # napoleon's
# Lines indented below a line of prose (not of a section or of a list): a table or commands, as they are.
TABLE = re.compile(rf"^(?!(?:{SECTIONS}):$|[-*] |\d+\. |\.\. )(\S.*)\n((?: +\S.*(?:\n|$))+)", re.MULTILINE)


def _turn_links(_app: Sphinx, page: str, source: list[str]) -> None:
    """Put a root page in the place of its stand-in, and let links lead to where pages lie on the site."""
    there = DOCS.parent / ROOT_PAGES[page] if page in ROOT_PAGES else DOCS / f"{page}.md"

    def turned(link: re.Match[str]) -> str:
        target = (there.parent / link[2]).resolve()
        of_root = {DOCS.parent / name: DOCS / f"{stand_in}.md" for stand_in, name in ROOT_PAGES.items()}
        target = {**of_root, DOCS / "adr": DOCS / "records.md"}.get(target, target)
        if target.is_dir() or (target.suffix == ".md" and not target.is_relative_to(DOCS)):
            return link[1]  # not on the site
        return f"[{link[1]}]({relpath(target, (DOCS / page).parent)}{link[3] or ''})"

    if there.suffix == ".md" and there.exists():
        source[0] = LINK.sub(turned, there.read_text(encoding="utf-8"))


def _plain_text(text: str) -> str:
    """Our docstrings are prose with code between backticks: no other character is reStructuredText's."""
    pieces, end = [], 0
    for code in CODE.finditer(text):
        pieces += [re.sub(r"([*_|\\])", r"\\\1", text[end : code.start()]), f"``{code[2]}``"]
        end = code.end()
    return "".join([*pieces, re.sub(r"([*_|\\])", r"\\\1", text[end:])])


def _marked_up(text: str) -> str:
    pieces, end = [], 0
    for table in TABLE.finditer(text):
        pieces += [_plain_text(text[end : table.start(2)]), f"\n::\n\n{table[2]}\n"]
        end = table.end()
    return "".join([*pieces, _plain_text(text[end:])])


def _prepare(_app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    lines[:] = _marked_up("\n".join(lines)).split("\n")


def setup(app: Sphinx) -> None:
    """Called by Sphinx; napoleon, at the usual priority, then sees what `_prepare` leaves."""
    app.connect("source-read", _turn_links)
    app.connect("autodoc-process-docstring", _prepare, priority=100)
