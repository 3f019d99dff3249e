"""Importing what this project has exported: what is taken over, what is trusted, and what was edited by hand or damaged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.importers.formats import detect_format, open_sources
from cms.importers.sources import SourceUnreadable
from cms.models import Category, Comment, Post, Tag, User
from cms.policy import SYSTEM
from cms.services.user_deletion import delete_user
from tests.cms.exporters.conftest import export_to
from tests.cms.importers.conftest import NOW
from tests.cms.importers.samples import ID, TANDEM

pytestmark = pytest.mark.django_db
ImportPath = Callable[..., dict[str, Any]]
Originals = Callable[[dict[str, Any], str], list[Any]]


@pytest.fixture
def write_export(tmp_path: Path) -> Callable[..., Path]:
    """`write_export(post={"title": 7})`: the sample with these members of its post changed, as a document."""

    def write(post: dict[str, Any] | None = None, **changes: Any) -> Path:
        document = {**TANDEM, "posts": [{**TANDEM["posts"][0], **(post or {})}], **changes}
        path = tmp_path / "export.json"
        path.write_text(json.dumps(document))
        return path

    return write


def test_ids_states_and_threads_are_taken_over(import_path: ImportPath, write_export: Callable[..., Path]) -> None:
    report = import_path(write_export())
    post = Post.objects.get()
    assert report["items"] == []
    assert (str(post.pk), post.version, post.author.username) == (ID.format(5), 3, "mia")
    assert Category.objects.get(slug="world").parent.slug == "news"
    assert set(Comment.objects.values_list("status", "text", "parent__status")) == {
        ("deleted", "", None),
        ("pending", "Hi", "deleted"),
    }


def test_users_come_in_every_state_with_every_role_and_without_a_password(
    import_path: ImportPath, make_user: Callable[..., User], tmp_path: Path
) -> None:
    make_user("admin", username="admin")
    make_user("editor", username="suspended", is_active=False, email_verified=True, bio="B", password="x y z pass 9")
    delete_user(actor=SYSTEM, user=make_user("author", username="gone"), now=NOW)
    columns = ("pk", "username", "email", "role", "is_active", "email_verified", "deleted_at", "bio", "created_at")
    before = sorted(User.objects.values_list(*columns))
    folder = export_to(tmp_path / "out", "markdown")
    User.objects.all()._raw_delete(using="default")  # type: ignore[attr-defined]
    assert import_path(folder, trusts_roles=True)["counts"] == {
        "created": 3,
        "updated": 0,
        "unchanged": 0,
        "skipped": 0,
        "failed": 0,
    }
    assert sorted(User.objects.values_list(*columns)) == before
    assert not any(user.has_usable_password() for user in User.objects.all())


@pytest.mark.parametrize(("role", "given"), [("admin", "author"), ("editor", "author"), ("subscriber", "subscriber")])
def test_an_export_of_a_stranger_gives_nobody_more_rights_than_an_author(
    import_path: ImportPath, write_export: Callable[..., Path], role: str, given: str
) -> None:
    user = {"id": ID.format(1), "username": "mallory", "email": "mallory@example.org", "is_active": True}
    path = write_export(users=[user | {"role": role, "email_verified": True}])
    items = [item for item in import_path(path)["items"] if item["field"] in ("role", "email_verified")]
    made = User.objects.get(username="mallory")
    assert (made.role, made.is_active, made.email_verified, made.has_usable_password()) == (given, True, False, False)
    shown = [(item["field"], item["original"], item["value"]) for item in items]
    assert shown == [("role", role, given)] * (role != given) + [("email_verified", True, False)]
    assert all("mallory" in item["reason"] and "--trust-roles" in item["reason"] for item in items)


def test_a_second_import_that_trusts_roles_raises_nobody(
    import_path: ImportPath, write_export: Callable[..., Path]
) -> None:
    users = [{**TANDEM["users"][0], "role": "admin", "is_active": False}]
    import_path(write_export(users=users))
    import_path(write_export(users=users), trusts_roles=True)
    import_path(write_export(users=[{**users[0], "bio": "New", "is_active": True}]), trusts_roles=True)
    user = User.objects.get(username="mia")
    assert (user.bio, user.role, user.is_active) == ("New", "author", False)


def test_a_user_who_was_deleted_here_stays_deleted(import_path: ImportPath, write_export: Callable[..., Path]) -> None:
    import_path(write_export())
    delete_user(actor=SYSTEM, user=User.objects.get(), now=NOW)
    assert import_path(write_export())["counts"]["failed"] == 0
    users = [{**TANDEM["users"][0], "bio": "New"}]
    assert import_path(write_export(users=users))["counts"]["failed"] == 0
    assert (User.objects.get().bio, User.objects.get().display_name) == ("", "deleted user")


def test_what_cannot_be_understood_shows_nothing_to_anyone(
    import_path: ImportPath, write_export: Callable[..., Path], originals: Originals
) -> None:
    report = import_path(
        write_export({"status": "maybe", "visibility": 7, "mood": "good", "author": "nobody", "id": "1"})
    )
    post = Post.objects.get()
    assert (post.status, post.visibility, post.author.username) == ("draft", "private", "imported")
    for field, original in (
        ("status", "maybe"),
        ("visibility", "7"),
        ("mood", "good"),
        ("author", "nobody"),
        ("id", "1"),
    ):
        assert originals(report, field) == [original]


def test_a_file_that_was_written_by_hand_into_an_export_is_a_post_with_new_terms(
    import_path: ImportPath, tmp_path: Path
) -> None:
    folder = export_to(tmp_path / "out", "markdown")
    text = "---\ntitle: By hand\nstatus: published\npublished_at: 2020-01-01T00:00:00Z\nvisibility: public\ntags: [new]\n---\nB"
    (folder / "posts/by-hand.md").write_text(text)
    (folder / "posts/by-hand.comments.json").write_text("[{]")
    report = import_path(folder)
    assert (Post.objects.get().slug, Tag.objects.get().name) == ("by-hand", "new")
    assert any(item["field"] == "comments" for item in report["items"])
    assert report["counts"]["failed"] == 0


@pytest.mark.parametrize(
    "changes",
    [{"version": 2}, {"posts": 7}, {"users": {}}, {"posts": "markdown"}],
    ids=["a later version", "no posts", "no list", "a part"],
)
def test_a_damaged_export_is_refused(write_export: Callable[..., Path], changes: dict[str, Any]) -> None:
    with pytest.raises(SourceUnreadable):
        open_sources(write_export(**changes), "auto")


def test_an_export_is_told_from_other_folders(tmp_path: Path, write_export: Callable[..., Path]) -> None:
    assert detect_format(export_to(tmp_path / "a", "markdown")) == "tandem"
    assert detect_format(export_to(tmp_path / "b", "json")) == "tandem"
    assert detect_format(write_export()) == "tandem"
    (tmp_path / "b/tandem.json").write_text('{"db": []}')
    assert detect_format(tmp_path / "b") == "ghost"
