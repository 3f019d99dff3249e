"""Fixtures that importers' tests share: an import into the test database, and small sources to import."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.importers.formats import AUTO, open_sources
from cms.importers.pipeline import import_source
from cms.importers.report import Report

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
WXR_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:wp="http://wordpress.org/export/1.2/"><channel>
<link>https://old.example</link><wp:wxr_version>1.2</wp:wxr_version>
"""


def import_into_database(
    path: Path, format_name: str = AUTO, now: datetime.datetime = NOW, *, trusts_roles: bool = False
) -> dict[str, Any]:
    """Import what is at `path`; the report as it would be written."""
    with Report() as report:
        for source in open_sources(path, format_name):
            import_source(source, report=report, now=now, trusts_roles=trusts_roles)
        return {"counts": report.counts, "items": list(report.items())}


@pytest.fixture
def import_path(db: None) -> Callable[..., dict[str, Any]]:
    """`import_path(path)`: import it and return the report as it would be written."""
    return import_into_database


@pytest.fixture
def write_markdown(tmp_path: Path) -> Callable[..., Path]:
    """`write_markdown("2020-01-02-a.md", "title: A")`: a file in a folder, which is returned."""

    def write(name: str, matter: str = "", body: str = "A body.\n") -> Path:
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\n{matter}\n---\n{body}" if matter else body, encoding="utf-8", newline="")
        return tmp_path / "site"

    return write


@pytest.fixture
def write_wxr(tmp_path: Path) -> Callable[..., Path]:
    """`write_wxr(wxr_item(…), …)`: an export with these records, as a file."""

    def write(*records: str, name: str = "export.xml", head: str = WXR_HEAD) -> Path:
        path = tmp_path / name
        path.write_text(head + "\n".join(records) + "\n</channel></rss>\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def wxr_item() -> Callable[..., str]:
    """`wxr_item(7, "<wp:comment>…", title="…")`: a published post; `None` leaves an element out."""

    def make(post_id: int, *more: str, **changes: str | None) -> str:
        elements: dict[str, str | None] = {
            "title": f"Post {post_id}",
            "link": f"https://old.example/{post_id}/",
            "dc:creator": "mia",
            "content:encoded": "<p>Words.</p>",
            "wp:post_id": str(post_id),
            "wp:post_date": "2015-01-02 05:04:05",
            "wp:post_date_gmt": "2015-01-02 03:04:05",
            "wp:post_name": f"post-{post_id}",
            "wp:status": "publish",
            "wp:post_type": "post",
        }
        # Python's names have no colon: wp_status="draft" stands for wp:status.
        elements |= {name.replace("wp_", "wp:", 1).replace("__", ":"): text for name, text in changes.items()}
        texts = (f"<{name}><![CDATA[{text}]]></{name}>" for name, text in elements.items() if text is not None)
        return f"<item>{''.join(texts)}{''.join(more)}</item>"

    return make


@pytest.fixture
def wxr_comment() -> Callable[..., str]:
    """`wxr_comment(3, parent=2)`: an approved comment of a guest."""

    def make(comment_id: int, parent: int = 0, text: str = "Hear, hear.", **changes: str) -> str:
        elements = {
            "id": str(comment_id),
            "author": "Bo",
            "author_email": "bo@example.org",
            "date_gmt": "2015-01-03 03:04:05",
            "content": text,
            "approved": "1",
            "parent": str(parent),
            **changes,
        }
        texts = (f"<wp:comment_{name}><![CDATA[{value}]]></wp:comment_{name}>" for name, value in elements.items())
        return f"<wp:comment>{''.join(texts)}</wp:comment>"

    return make


@pytest.fixture
def originals() -> Callable[[dict[str, Any], str], list[Any]]:
    """`originals(report, "slug")`: what the report says that the sources said in this field."""

    def select(report: dict[str, Any], field: str) -> list[Any]:
        return [item["original"] for item in report["items"] if item["field"] == field]

    return select
