"""An import that ends in the middle, at any object or by force, and is run again: the same as one that was left alone."""

import contextlib
import itertools
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from cms.importers.formats import AUTO, open_sources
from cms.importers.pipeline import import_source
from cms.importers.report import Report
from cms.importers.sources import Source
from cms.models import AuditEvent, Category, Comment, ImportRecord, Post, Redirect, Tag, User
from tests.cms.importers.conftest import NOW, import_into_database
from tests.cms.importers.samples import SAMPLES
from tests.servers import ROOT, clean_environment, manage, spawn

POSTS = 100
ENTRIES_MAX = 20


def _interrupted(source: Source, after: int) -> bool:
    """Import the source until `after` entries have come; whether it was over by then."""
    iterator = iter(source)

    class Part:
        name, total, done = source.name, source.total, 0

        def __iter__(self) -> Any:
            return itertools.islice(iterator, after)

    with Report() as report:
        import_source(Part(), report=report, now=NOW)
    return next(iterator, None) is None


def _state() -> dict[str, Any]:
    return {
        "posts": list(Post.objects.order_by("slug").values_list("slug", "status", "version", "author__username")),
        "comments": list(Comment.objects.order_by("text").values_list("text", "parent__status", "status", "depth")),
        "categories": list(Category.objects.order_by("slug").values_list("slug", "parent__slug", "post_count")),
        "tags": list(Tag.objects.order_by("slug").values_list("slug", "usage_count")),
        "users": list(User.objects.order_by("username").values_list("username", "role")),
        "redirects": list(Redirect.objects.order_by("old_path").values_list("old_path", "post__slug")),
        "records": ImportRecord.objects.count(),
        "events": AuditEvent.objects.count(),
    }


@pytest.mark.django_db
@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_every_format_goes_on_from_wherever_it_stopped(sample: str, tmp_path: Path) -> None:
    name, text = SAMPLES[sample]
    path = tmp_path / name
    path.write_text(text)
    with transaction.atomic():
        clean_report, clean = import_into_database(path), _state()
        transaction.set_rollback(True)
    for after in range(ENTRIES_MAX):
        with transaction.atomic():
            is_over = _interrupted(open_sources(path, AUTO)[0], after)
            assert import_into_database(path)["items"] == clean_report["items"]
            assert _state() == clean
            transaction.set_rollback(True)
        if is_over:
            return
    pytest.fail(f"the sample has more than {ENTRIES_MAX} entries")


def _environment(database: Path) -> dict[str, str]:
    return {"DATABASE_URL": f"sqlite:///{database}", "SECRET_KEY": "x" * 50}


def _rows(database: Path, query: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection:
        return connection.execute(query).fetchall()


def _posts(database: Path) -> int:
    return int(_rows(database, "SELECT count(*) FROM cms_post")[0][0])


def _wait_for_posts(database: Path, wanted: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while process.poll() is None and _posts(database) < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_a_process_that_was_killed_ends_in_the_state_of_a_clean_run(
    tmp_path: Path, write_wxr: Callable[..., Path], wxr_item: Callable[..., str], wxr_comment: Callable[..., str]
) -> None:
    term = '<category domain="post_tag" nicename="t"><![CDATA[T]]></category>'
    path = write_wxr(
        *(wxr_item(number, term, wxr_comment(number), title="Same", wp_post_name="") for number in range(POSTS))
    )
    clean = tmp_path / "clean.sqlite3"
    assert manage("migrate", "--no-seed", "-v0", env=_environment(clean)).returncode == 0
    command = [sys.executable, "manage.py", "import_content", str(path)]
    for number in range(10):  # on a busy machine one may end before it is killed
        killed = tmp_path / f"killed-{number}.sqlite3"
        shutil.copy(clean, killed)
        process = spawn(command, log=tmp_path / "log", cwd=ROOT, env=clean_environment(_environment(killed)))
        _wait_for_posts(killed, POSTS // 5, process)
        process.kill()
        process.wait()
        if 0 < _posts(killed) < POSTS:
            break
    assert 0 < _posts(killed) < POSTS
    for database in (killed, clean):
        assert manage("import_content", str(path), env=_environment(database)).returncode == 0
    for query in (
        "SELECT p.slug, p.status, p.version, count(c.id) FROM cms_post p JOIN cms_comment c ON c.post_id = p.id"
        " GROUP BY p.id ORDER BY p.slug",
        "SELECT source, object_type, external_id, digest, original FROM cms_importrecord ORDER BY 1, 2, 3",
        "SELECT action, count(*) FROM cms_auditevent GROUP BY action ORDER BY action",
        "SELECT slug, usage_count FROM cms_tag",
    ):
        assert _rows(killed, query) == _rows(clean, query)
