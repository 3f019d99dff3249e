"""Tags: names unique without case in every script, slugs, and what happens to posts."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from cms.errors import Duplicate, InvalidInput, NotFound, PermissionRefused
from cms.models import AuditEvent, Post, Tag, User
from cms.services.tags import create_tag, delete_tag, fold_tag_name, tags_named, update_tag

ASTRAL = "\U0001f600"
MINUTE = datetime.timedelta(minutes=1)
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Python", "PYTHON"),
        ("straße", "STRASSE"),
        ("Ⅳ", "iv"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("Å", "A\u030a"),
        ("ﬁn", "FIN"),
        ("K", "\u212a"),
        ("news", " news "),
        ("می\u200cخواهم", "میخواهم"),
        ("Ⴀ", "ⴀ"),
    ],
)
def test_two_names_that_fold_to_the_same_are_one_tag(
    make_tag: Callable[..., Tag], editor: User, now: Any, one: str, other: str
) -> None:
    tag = make_tag(one)
    with pytest.raises(Duplicate) as caught:
        create_tag(actor=editor, fields={"name": other}, now=now)
    assert (caught.value.code, caught.value.field) == ("duplicate", "name")
    assert tags_named(actor=editor, names=[other, one], now=now) == [tag]
    another = make_tag("another")
    with pytest.raises(Duplicate):
        update_tag(actor=editor, tag=another, changes={"name": other}, now=now)


@pytest.mark.parametrize(("one", "other"), [("resume", "résumé"), ("c", "c++"), ("a b", "ab"), ("ı", "i")])
def test_names_that_differ_are_two_tags(make_tag: Callable[..., Tag], one: str, other: str) -> None:
    first, second = make_tag(one), make_tag(other)
    assert first.pk != second.pk
    assert first.slug != second.slug


def test_names_that_grow_by_folding_are_told_apart_to_their_last_character(make_tag: Callable[..., Tag]) -> None:
    """U+FDFA becomes eighteen characters."""
    make_tag("\ufdfa" * 50)
    make_tag("\ufdfa" * 49 + "x")
    assert max(len(key) for key in Tag.objects.values_list("name_key", flat=True)) == 900


@pytest.mark.parametrize("name", ["x", ASTRAL * 50, "e\u0301" * 25, "C# & .NET; (2026)", "👨\u200d👩\u200d👧", "名前"])
def test_a_name_within_its_limit_is_kept(make_tag: Callable[..., Tag], name: str) -> None:
    assert Tag.objects.get(pk=make_tag(name).pk).name == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "required"),
        ("  ", "required"),
        (ASTRAL * 51, "too_long"),
        ("e\u0301" * 26, "too_long"),
        ("a,b", "invalid_tag_name"),
        ("a\nb", "invalid_tag_name"),
        ("a\u200bb", "invalid_tag_name"),
        ("a\u202eb", "invalid_tag_name"),
        ("a\x00b", "invalid_characters"),
    ],
)
def test_a_name_beyond_its_limit_is_refused(editor: User, make_tag: Any, now: Any, name: str, code: str) -> None:
    tag = make_tag("good")
    for act in (
        lambda: create_tag(actor=editor, fields={"name": name}, now=now),
        lambda: update_tag(actor=editor, tag=tag, changes={"name": name}, now=now),
    ):
        with pytest.raises(InvalidInput) as caught:
            act()
        assert [(error.field, error.code) for error in caught.value.errors] == [("name", code)]
    assert Tag.objects.get().name == "good"


def test_a_description_has_two_thousand_characters_at_most(make_tag: Any, editor: User, now: Any) -> None:
    tag = make_tag("a", description=ASTRAL * 2_000)
    with pytest.raises(InvalidInput) as caught:
        update_tag(actor=editor, tag=tag, changes={"description": "a" * 2_001}, now=now)
    assert caught.value.errors[0].code == "too_long"


def test_a_name_is_needed(editor: User, now: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_tag(actor=editor, fields={"slug": "a"}, now=now)
    assert [error.field for error in caught.value.errors] == ["name"]


def test_slugs_are_numbered_or_refused_like_those_of_posts(make_tag: Any, editor: User, now: Any) -> None:
    assert [make_tag(name).slug for name in ("C", "C+", "C++", "++")] == ["c", "c-2", "c-3", "tag"]
    with pytest.raises(Duplicate) as caught:
        make_tag("D", slug="c")
    assert caught.value.field == "slug"
    with pytest.raises(Duplicate):
        update_tag(actor=editor, tag=make_tag("E"), changes={"slug": "c"}, now=now)
    with pytest.raises(InvalidInput):
        make_tag("F", slug="Not a slug")


@pytest.mark.parametrize("role", ["anonymous", "subscriber", "author"])
def test_only_editors_manage_tags(make_user: Any, make_tag: Any, now: Any, role: str) -> None:
    actor = AnonymousUser() if role == "anonymous" else make_user(role)
    tag = make_tag("a")
    for act in (
        lambda: create_tag(actor=actor, fields={"name": "b"}, now=now),
        lambda: update_tag(actor=actor, tag=tag, changes={"name": "b"}, now=now),
        lambda: delete_tag(actor=actor, tag=tag),
    ):
        with pytest.raises(PermissionRefused):
            act()
    assert Tag.objects.get().name == "a"


def test_a_change_is_recorded_and_one_that_changes_nothing_is_not(
    make_tag: Any, editor: User, now: Any, events_of: Any
) -> None:
    tag = make_tag("a")
    same = update_tag(actor=editor, tag=tag, changes={"name": "a", "slug": "a", "description": ""}, now=now + MINUTE)
    assert (same.updated_at, events_of(tag)) == (now, ["tag.created"])
    renamed = update_tag(actor=editor, tag=tag, changes={"name": "A", "description": "d"}, now=now + MINUTE)
    event = AuditEvent.objects.get(action="tag.updated")
    assert (renamed.name, renamed.name_key, renamed.updated_at) == ("A", "a", now + MINUTE)
    assert (event.before, event.after) == ({"name": "a", "description": ""}, {"name": "A", "description": "d"})


def test_a_deleted_tag_leaves_its_posts_as_they_were(
    make_tag: Any, make_post: Any, editor: User, events_of: Any
) -> None:
    tag, post = make_tag("a"), make_post(tags=["a", "b"])
    delete_tag(actor=editor, tag=tag)
    stored = Post.objects.get()
    assert ([each.name for each in stored.tags.all()], stored.version) == (["b"], post.version)
    assert events_of(tag) == ["tag.created", "tag.deleted"]


def test_a_tag_that_is_gone_is_not_found(make_tag: Any, editor: User, now: Any) -> None:
    tag = make_tag("a")
    Tag.objects.all().delete()
    with pytest.raises(NotFound):
        update_tag(actor=editor, tag=tag, changes={"name": "b"}, now=now)
    with pytest.raises(NotFound):
        delete_tag(actor=editor, tag=tag)
    assert not AuditEvent.objects.filter(action="tag.deleted").exists()


def test_fifty_tags_that_exist_are_found_by_one_query(
    make_tag: Any, editor: User, now: Any, django_assert_num_queries: Any
) -> None:
    names = [make_tag(f"Tag {n}").name for n in range(50)]
    with django_assert_num_queries(1):
        assert [tag.name for tag in tags_named(actor=editor, names=names, now=now)] == names


@pytest.mark.parametrize("moment", ["look 2", "insert 1"])
def test_a_tag_that_others_make_and_delete_meanwhile_is_made_after_all(editor: User, now: Any, moment: str) -> None:
    """Of our three steps, two looks and an insert, the others come before the second or the third; what they do is undone with
    the savepoint of ours that fails."""
    steps: list[str] = []

    def others_between(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if '"cms_tag"' in sql and "OTHERS" not in str(params):
            step = "insert" if sql.startswith("INSERT") else "look"
            steps.append(f"{step} {1 + sum(past.startswith(step) for past in steps)}")
            if steps[-1] == moment:
                Tag(name="OTHERS", name_key="tea", slug="others", created_at=now, updated_at=now).save(
                    force_insert=True
                )
        return execute(sql, params, many, context)

    with connection.execute_wrapper(others_between):
        [tag] = tags_named(actor=editor, names=["Tea"], now=now)
    assert moment in steps
    assert list(Tag.objects.values_list("pk", "name", "slug")) == [(tag.pk, "Tea", "tea")]


def test_folding_is_stable() -> None:
    for name in ("Straße", "ŉ", "ΐ", "İ", "\u0345", "ﬃ", "Ǆ", "\ufdfa", "ẞ"):
        assert fold_tag_name(fold_tag_name(name)) == fold_tag_name(name)
