"""The site that `make site` builds from the documents: no page of it needs anything from elsewhere."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "srcset"}


class Loads(HTMLParser):
    """Collects what a page loads, but for its links that a reader follows."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(LOADED.get(tag, ""))
        if address:
            self.found.add(address)


@pytest.mark.slow
def test_the_site_has_every_document_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E", "-b", "html", "-c", "docs"]
    built = subprocess.run([*build, "-d", str(tmp_path / "kept"), ".", str(tmp_path / "site")], cwd=ROOT, check=False)
    assert built.returncode == 0
    pages = [*(tmp_path / "site").rglob("*.html")]
    assert {page.relative_to(tmp_path / "site").with_suffix(".md") for page in pages} >= {
        document.relative_to(ROOT) for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    }
    elsewhere = {page: [one for one in Loads(page).found if "//" in one] for page in pages}
    assert {page: found for page, found in elsewhere.items() if found} == {}
    assert "bulkhead" in (tmp_path / "site/searchindex.js").read_text()
