"""A dry run beside the people who write: it reports what the import will do, and keeps nobody waiting meanwhile."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from cms.importers.formats import AUTO, open_sources
from cms.importers.pipeline import import_source
from cms.importers.report import Report
from cms.importers.rolled_back import rolled_back
from cms.models import AuditEvent, Comment, ImportRecord, Post, Redirect, Tag, User
from cms.policy import SYSTEM
from cms.services.categories import create_category
from cms.services.comments import moderate_comment
from cms.services.post_states import trash_post
from cms.services.user_deletion import delete_user
from tests.cms.importers.conftest import NOW, import_into_database
from tests.cms.importers.samples import SAMPLES
from tests.stalls import fair_time

ITEMS = 12
only_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite copies its file for a dry run")
ROWS_WRITTEN = """
    SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables WHERE schemaname = 'public'
"""


def _check(path: Path, on_progress: Callable[[Any], None] | None = None) -> dict[str, Any]:
    with Report() as report, rolled_back():
        for source in open_sources(path, AUTO):
            import_source(source, report=report, now=NOW, on_progress=on_progress)
        return {"counts": report.counts, "items": list(report.items())}


def _in_thread(job: Callable[[], Any]) -> float:
    """Do the job as another process would: on a connection of its own; return how many seconds it took."""

    def work() -> None:
        try:
            job()
        finally:
            connection.close()

    began = fair_time()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    return fair_time() - began


@pytest.fixture
def site(write_markdown: Callable[..., Path]) -> Path:
    """A folder whose posts have a tag and a category that are here already, and a tag and an author that are not."""
    matter = "tags: [news, fresh]\ncategories: [World]\nauthor: Mia\ndate: 2020-01-01\ntitle: Imported"
    for number in range(ITEMS):
        folder = write_markdown(f"p{number}.md", f"{matter} {number}")
    return folder


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_dry_run_keeps_no_writer_waiting(
    site: Path, editor: User, make_post: Callable[..., Post], client_of: Callable[[User], Client]
) -> None:
    """Neither for the rows of terms that it uses, nor for the names and slugs that it would take."""
    world = create_category(actor=SYSTEM, fields={"name": "World"}, now=NOW)
    make_post(title="Here", tags=["news"], categories=[world])
    client, took, answers = client_of(editor), list[float](), list[Any]()
    names: Iterator[tuple[str, str]] = iter([("A", "news"), ("Imported 0", "fresh")])

    def save() -> None:
        title, tag = next(names)
        answer = client.post("/api/v2/posts", {"title": title, "content": "x", "tags": [tag]}, "application/json")
        published = client.post(f"/api/v2/posts/{answer.json().get('id')}/actions/publish", {}, "application/json")
        answers.extend([answer.status_code, published.status_code])

    def write_beside(source: Any) -> None:
        if source.done == ITEMS:
            took.extend(_in_thread(save) for _ in range(2))

    client.get("/api/v2/posts")  # the first request of a process loads much
    _check(site, write_beside)
    assert answers == [201, 200, 201, 200]
    assert max(took) < 1
    assert Tag.objects.get(name="news").usage_count == 2


@only_postgresql
@pytest.mark.django_db
@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_a_dry_run_writes_into_no_table_of_the_site(sample: str, tmp_path: Path) -> None:

    def rows_written() -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute(ROWS_WRITTEN)
            return dict(cursor.fetchall())

    name, text = SAMPLES[sample]
    (tmp_path / name).write_text(text, encoding="utf-8")
    before, seen = rows_written(), list[Any]()
    _check(tmp_path / name, lambda _: seen.append(rows_written()))
    assert seen[-1] == before


@pytest.mark.django_db
def test_a_second_dry_run_reports_what_the_second_import_does(
    write_wxr: Callable[..., Path],
    wxr_item: Callable[..., str],
    wxr_comment: Callable[..., str],
    make_post: Callable[..., Post],
) -> None:
    """With rows of the site in all parts: those of the first import, those that were changed here, and taken names."""
    author = "<wp:author><wp:author_login>mia</wp:author_login>{}</wp:author>"
    tag = '<category domain="post_tag" nicename="news"><![CDATA[news]]></category>'
    import_into_database(
        write_wxr(author.format(""), *(wxr_item(n, wxr_comment(n, text="A"), tag) for n in range(1, 6)))
    )
    make_post(title="Post 9", slug="post-9", tags=["NEWS"])
    delete_user(actor=SYSTEM, user=User.objects.get(username="mia"), now=NOW)
    moderate_comment(actor=SYSTEM, comment=Comment.objects.filter(text="A")[0], status="deleted", now=NOW)
    trash_post(actor=SYSTEM, post=Post.objects.get(slug="post-1"), now=NOW)
    Redirect.objects.filter(old_path="/2/").update(post=Post.objects.get(slug="post-9"))
    statuses = ("publish", "trash", "draft", "private", "publish", "future", "pending", "publish")
    changed = [
        wxr_item(n, wxr_comment(n, text="B"), tag, title="New", wp_status=status)
        for n, status in enumerate(statuses, 1)
    ]
    named = author.format("<wp:author_display_name>Mia</wp:author_display_name>")
    path = write_wxr(named, *changed, wxr_item(5), wxr_item(9))
    before = _rows()
    checked = _check(path)
    assert _rows() == before
    assert checked == import_into_database(path)
    assert {item["field"] for item in checked["items"]} >= {"old_path", "username", "slug", "text", "id"}
    assert all(checked["counts"][outcome] for outcome in ("created", "updated", "unchanged", "skipped"))


def _rows() -> list[int]:
    return [model.objects.count() for model in (User, Tag, Post, Comment, Redirect, ImportRecord, AuditEvent)]
