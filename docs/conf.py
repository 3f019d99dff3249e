"""How `make site` builds the documentation: Sphinx reads the Markdown as it lies in the repository."""

import re

from sphinx.application import Sphinx

project = "Tandem"
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "docs/**/*.md", "tests/README.md", "tests/*/README.md"]
include_patterns += ["packaging/canary/README.md", "examples/shop/README.md"]
exclude_patterns = [".venv", "build"]  # neither is searched
extensions = ["myst_parser", "sphinx_copybutton"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "Tandem"
html_show_copyright = html_show_sphinx = html_show_sourcelink = False
html_extra_path = ["site/index.html"]  # leads to the first page
html_static_path = ["site/site.css"]
html_css_files = ["site.css"]
html_theme_options = {  # the admin site's colours
    "light_css_variables": {"color-brand-primary": "#8200db", "color-brand-content": "#8200db"},
    "dark_css_variables": {"color-brand-primary": "#dab2ff", "color-brand-content": "#dab2ff"},
}
copybutton_prompt_text = "$ "

CONTENTS = {root_doc: "Start here", "docs/adr/README": "Decisions"}
"""Pages that list others, with the name of what stands before their first heading."""
_PART = re.compile(r"^## (.+)$", re.MULTILINE)
_PAGE = re.compile(r"\[[^\]]*\]\(([^)#]+\.md)\)")


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_navigation)


def add_navigation(app: Sphinx, name: str, source: list[str]) -> None:
    """Give a page of contents the pages that it links as the site's navigation, a part under each heading."""
    if name not in CONTENTS:
        return
    parts = [CONTENTS[name], *_PART.split(source[0])]
    listed: set[str] = set()
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        pages = [page for page in dict.fromkeys(_PAGE.findall(text)) if page not in listed]
        listed.update(pages)
        options = [":hidden:", f":caption: {title.partition(':')[0]}"]
        source[0] += "\n".join(["", "```{toctree}", *options, "", *pages, "```", ""])
