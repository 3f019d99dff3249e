"""What the pipeline promises for every format: items are whole or absent, and an import that was cut off goes on."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError

from cms.choices import ContentFormat
from cms.errors import PermissionRefused
from cms.importers.items import CommentItem, PostItem, TagItem, UserItem
from cms.importers.pipeline import import_source
from cms.importers.report import Report
from cms.importers.sources import Entry
from cms.models import AuditEvent, Comment, ImportRecord, Post, Tag, User
from tests.cms.importers.conftest import NOW

pytestmark = pytest.mark.django_db


class Notebook:
    """A source that can end in the middle."""

    name = "notebook:test"
    total = done = 1

    def __init__(self, entries: list[Entry], killed_after: int | None = None) -> None:
        self._entries, self._killed_after = entries, killed_after

    def __iter__(self) -> Iterator[Entry]:
        for number, entry in enumerate(self._entries):
            if number == self._killed_after:
                raise KeyboardInterrupt
            yield entry


def _place(external_id: str) -> dict[str, Any]:
    return {"source": "notebook", "line": 1, "external_id": external_id}


def _post(number: int, **fields: Any) -> PostItem:
    values = {"title": "Same title", "content": "Text.", "content_format": ContentFormat.MARKDOWN, "author": "mia"}
    return PostItem(**_place(str(number)), **{**values, "tags": ["t"], "published_at": NOW, **fields})


def _entries() -> list[Entry]:
    return [
        UserItem(**_place("mia"), username="mia"),
        TagItem(**_place("t"), name="t"),
        _post(1),
        CommentItem(**_place("1"), post="1", text="One.", author_name="Bo", created_at=NOW),
        CommentItem(**_place("2"), post="1", parent="1", text="Two.", author="mia", created_at=NOW),
        _post(2),
        CommentItem(**_place("3"), post="2", text="Three.", author_name="Bo", created_at=NOW),
    ]


def _run(entries: list[Entry], killed_after: int | None = None) -> dict[str, Any]:
    with Report() as report:
        import_source(Notebook(entries, killed_after), report=report, now=NOW)
        return {"counts": report.counts, "items": list(report.items())}


def _state() -> dict[str, Any]:
    return {
        "posts": list(Post.objects.order_by("slug").values_list("slug", "status", "version", "author__username")),
        "comments": list(Comment.objects.order_by("text").values_list("text", "parent__text", "post__slug", "depth")),
        "tags": list(Tag.objects.values_list("name", "usage_count")),
        "users": User.objects.count(),
        "records": ImportRecord.objects.count(),
        "events": AuditEvent.objects.count(),
    }


@pytest.mark.parametrize("allowed", range(7))
def test_an_object_is_not_kept_whose_import_is_refused_before_its_commit(allowed: int) -> None:
    calls = itertools.count()

    def require() -> None:
        if next(calls) == allowed:
            raise PermissionRefused

    with Report() as report, pytest.raises(PermissionRefused):
        import_source(Notebook(_entries()), report=report, now=NOW, require=require)
    assert sum(model.objects.count() for model in (User, Tag, Post, Comment)) == allowed


@pytest.mark.parametrize("killed_after", range(7))
def test_an_import_that_was_killed_ends_in_the_same_state_when_run_again(killed_after: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        _run(_entries(), killed_after)
    second = _run(_entries())
    assert second["counts"]["unchanged"] == killed_after
    assert _state() == {
        "posts": [("same-title", "published", 2, "mia"), ("same-title-2", "published", 2, "mia")],
        "comments": [
            ("One.", None, "same-title", 0),
            ("Three.", None, "same-title-2", 0),
            ("Two.", "One.", "same-title", 1),
        ],
        "tags": [("t", 2)],
        "users": 1,
        "records": 7,
        "events": 9,
    }


def test_a_post_whose_publication_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = _post(9, content_format="papyrus")
    report = _run([*_entries(), bad, CommentItem(**_place("9"), post="9", text="Orphan.", author_name="Bo")])
    assert report["counts"]["failed"] == 2
    assert not ImportRecord.objects.filter(external_id="9").exists()
    assert Post.objects.count() == 2


def test_a_failure_that_nobody_foresaw_is_one_items_failure() -> None:
    report = _run([*_entries(), _post(9, expires_at="not a date"), _post(10)])
    assert report["counts"]["failed"] == 1
    assert Post.objects.count() == 3
    assert any(item["reason"].startswith("Not imported: TypeError") for item in report["items"])


def test_what_was_changed_here_stays_until_the_source_changes() -> None:
    _run(_entries())
    Post.objects.filter(slug="same-title").update(title="Corrected here")
    _run(_entries())
    assert Post.objects.filter(title="Corrected here").exists()
    assert _run([*_entries()[:2], _post(1, title="Corrected there")])["counts"]["updated"] == 1
    assert not Post.objects.filter(title="Corrected here").exists()


def test_what_was_deleted_here_is_imported_again() -> None:
    _run(_entries())
    Tag.objects.all().delete()
    assert _run(_entries())["counts"]["created"] == 1


def test_a_post_goes_to_every_state_its_source_says_in_turn() -> None:
    _run(_entries())
    for status in ("trashed", "draft", "published", "archived", "published", "draft", "trashed", "archived"):
        counts = _run([*_entries()[:2], _post(1, status=status)])["counts"]
        assert (counts["updated"], Post.objects.get(slug="same-title").status) == (1, status)
    assert Tag.objects.get().usage_count == 1


def test_the_original_of_a_change_may_hold_what_no_database_stores() -> None:
    report = _run([*_entries()[:2], _post(1, title="A\x00B\ud800")])
    assert Post.objects.get().title == "AB"
    assert [item["original"] for item in report["items"] if item["field"] == "title"] == ["A\x00B\ud800"]
    assert ImportRecord.objects.get(object_type="post").original["changes"][0]["original"] == "AB"


def test_a_database_that_is_gone_ends_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: ImportRecord, **_: Any) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(ImportRecord, "save", refuse)
    with pytest.raises(OperationalError):
        _run(_entries())


def _met(noun: type[TagItem] | type[UserItem], external_id: str, **fields: Any) -> Any:
    return noun(**_place(external_id), is_met_at_post=True, **fields)


def test_a_post_that_fails_leaves_no_author_and_no_tag_behind_that_only_it_has() -> None:
    met = [_met(UserItem, "ann", username="ann"), _met(TagItem, "new", name="new")]
    report = _run([*_entries(), *met, _post(9, author="ann", tags=["new", "t"], content_format="papyrus")])
    assert report["counts"]["failed"] == 1
    assert not Tag.objects.filter(name="new").exists()
    assert not User.objects.filter(username="ann").exists()
    assert not ImportRecord.objects.filter(external_id__in=["ann", "new"]).exists()
    assert not AuditEvent.objects.filter(after__name="new").exists()


def test_what_was_met_at_a_post_that_failed_comes_with_the_next_post_that_has_it() -> None:
    met = [_met(UserItem, "ann", username="ann"), _met(TagItem, "new", name="new")]
    bad, good = (_post(n, author="ann", tags=["new"], **more) for n, more in ((8, {"content_format": "x"}), (9, {})))
    report = _run([*met, bad, good, _post(10, author="ann", tags=["new"])])
    assert report["counts"] == {"created": 4, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 1}
    assert list(Tag.objects.values_list("name", "usage_count")) == [("new", 2)]
    assert set(Post.objects.values_list("author__username", flat=True)) == {"ann"}


def test_a_tag_that_fails_does_not_take_its_post_with_it() -> None:
    report = _run([*_entries()[:2], _met(TagItem, "bad", name="\u200b"), _post(1, tags=["bad", "t"])])
    assert report["counts"]["failed"] == 1
    assert [list(post.tags.values_list("name", flat=True)) for post in Post.objects.all()] == [["t"]]


def test_a_source_whose_only_post_fails_makes_no_author_up() -> None:
    _run([_post(1, author="", tags=[], content_format="papyrus")])
    assert not User.objects.exists()
