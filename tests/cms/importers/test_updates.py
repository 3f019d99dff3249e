"""What a later export changes in what an earlier one brought, and what it leaves alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from cms.choices import Role
from cms.models import Category, Comment, Post, Tag, User
from cms.policy import SYSTEM
from cms.services.comments import delete_comment

pytestmark = pytest.mark.django_db
ImportPath = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Record = Callable[..., str]
Originals = Callable[[dict[str, Any], str], list[Any]]


def _author(name: str, email: str = "") -> str:
    return (
        f"<wp:author><wp:author_login>mia</wp:author_login><wp:author_email>{email}</wp:author_email>"
        f"<wp:author_display_name>{name}</wp:author_display_name></wp:author>"
    )


def _category(nicename: str, name: str, parent: str = "") -> str:
    return (
        f"<wp:category><wp:category_nicename>{nicename}</wp:category_nicename>"
        f"<wp:category_parent>{parent}</wp:category_parent><wp:cat_name>{name}</wp:cat_name></wp:category>"
    )


def _tag(slug: str, name: str) -> str:
    return f"<wp:tag><wp:tag_slug>{slug}</wp:tag_slug><wp:tag_name>{name}</wp:tag_name></wp:tag>"


def test_an_author_gets_a_new_name_and_the_first_real_address(
    import_path: ImportPath, write_wxr: Write, originals: Originals
) -> None:
    import_path(write_wxr(_author("Mia")))
    report = import_path(write_wxr(_author("Mia Ho", "mia@example.org")))
    assert originals(report, "email") == ["mia@imported.invalid"]
    report = import_path(write_wxr(_author("Mia Ho", "other@example.org")))
    user = User.objects.get()
    assert (user.display_name, user.email) == ("Mia Ho", "mia@example.org")
    assert originals(report, "email") == ["other@example.org"]


def _promoted(user: User) -> None:
    user.role = Role.EDITOR


def _with_a_password(user: User) -> None:
    user.set_password("correct horse battery")


def _signed_in_once(user: User) -> None:
    user.last_login = timezone.now()


@pytest.mark.parametrize("use", [_promoted, _with_a_password, _signed_in_once], ids=lambda use: use.__name__)
def test_nobody_gets_an_account_in_use_by_an_address_in_a_file(
    import_path: ImportPath, write_wxr: Write, originals: Originals, use: Callable[[User], None]
) -> None:
    """Its writer would ask for a new password by mail, and be an admin where the author has become one."""
    import_path(write_wxr(_author("Mia")))
    use(user := User.objects.get())
    user.save()
    report = import_path(write_wxr(_author("Mia Ho", "thief@example.org")))
    assert User.objects.get().email == user.email
    assert originals(report, "email") == ["thief@example.org"]


def test_a_category_is_renamed_and_moved(import_path: ImportPath, write_wxr: Write, originals: Originals) -> None:
    import_path(write_wxr(_category("a", "A"), _category("b", "B")))
    report = import_path(write_wxr(_category("a", "A"), _category("b", "Better", "a"), _category("c", "A")))
    assert dict(Category.objects.values_list("slug", "name")) == {"a": "A", "b": "Better", "c": "A (2)"}
    assert Category.objects.get(slug="b").parent.slug == "a"
    assert originals(report, "name") == ["A"]


def test_a_tag_is_renamed_unless_another_has_the_name(
    import_path: ImportPath, write_wxr: Write, originals: Originals
) -> None:
    import_path(write_wxr(_tag("a", "A"), _tag("b", "B")))
    report = import_path(write_wxr(_tag("a", "Alpha"), _tag("b", "ALPHA")))
    assert dict(Tag.objects.values_list("slug", "name")) == {"a": "Alpha", "b": "B"}
    assert originals(report, "name") == ["ALPHA"]


def test_terms_that_the_site_has_already_are_used_and_never_changed(
    import_path: ImportPath, write_wxr: Write, originals: Originals
) -> None:
    Tag.objects.create(name="Red", name_key="red", slug="own-red")
    Category.objects.create(name="News", slug="own-news")
    report = import_path(write_wxr(_tag("red", "RED"), _category("news", "News")))
    import_path(write_wxr(_tag("red", "Rouge"), _category("news", "Actualités")))
    assert (Tag.objects.get().name, Category.objects.get().slug) == ("Red", "own-news")
    assert report["counts"]["unchanged"] == 2
    assert originals(report, "slug") == ["news", "red"]


def test_the_author_of_a_post_stays_and_the_new_one_is_reported(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, originals: Originals
) -> None:
    import_path(write_wxr(wxr_item(1)))
    report = import_path(write_wxr(wxr_item(1, dc__creator="bo")))
    assert Post.objects.get().author.username == "mia"
    assert originals(report, "author") == ["bo"]


def test_a_comment_that_was_deleted_here_stays_deleted_and_its_answers_stand_alone(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, wxr_comment: Record, originals: Originals
) -> None:
    import_path(write_wxr(wxr_item(1, wxr_comment(1))))
    delete_comment(actor=SYSTEM, comment=Comment.objects.get(), now=timezone.now())
    report = import_path(write_wxr(wxr_item(1, wxr_comment(1, text="Changed."), wxr_comment(2, parent=1))))
    assert set(Comment.objects.values_list("text", "depth", "status")) == {
        ("", 0, "deleted"),
        ("Hear, hear.", 0, "published"),
    }
    assert originals(report, "parent") == ["1"]


def test_a_comment_goes_only_to_states_it_may_go_to_and_keeps_its_guest(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, wxr_comment: Record, originals: Originals
) -> None:
    import_path(write_wxr(wxr_item(1, wxr_comment(1), wxr_comment(2, approved="spam"))))
    report = import_path(write_wxr(wxr_item(1, wxr_comment(1, approved="0"), wxr_comment(2, author="Eve"))))
    assert sorted(Comment.objects.values_list("status", "author_name")) == [("pending", "Bo"), ("spam", "Bo")]
    assert (originals(report, "status"), originals(report, "author_name")) == (["published"], ["Eve"])
