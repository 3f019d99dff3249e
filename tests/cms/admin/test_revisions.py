"""The pages of the newer services: restoring and applying revisions, deleting users, categories that are switched off."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import Category, Post, PostRevision, User
from cms.policy import SYSTEM
from cms.services.posts import update_post
from tests.conftest import PASSWORD

SUBMITTED = {"_form_submitted": "True"}
Maker = Callable[..., Any]


@pytest.fixture
def client(author: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(author)


@pytest.fixture
def post(make_post: Maker, now: Any) -> Post:
    post = make_post(title="One", content="First.")
    return update_post(actor=SYSTEM, post=post, changes={"title": "Two", "content": "Second."}, now=now)


def page_of(revision: PostRevision, tail: str = "change") -> str:
    return f"/admin/cms/postrevision/{revision.pk}/{tail}/"


def test_an_old_revision_is_restored_as_a_draft_and_the_draft_applied(client: Client, post: Post) -> None:
    old = post.revisions.get(number=1)
    assert [action["title"] for action in client.get(page_of(old)).context["actions_detail"]] == ["Restore as draft"]
    client.post(page_of(old, "restore"), SUBMITTED)
    draft = post.revisions.get(number=3)
    assert (draft.is_draft, Post.objects.get().title) == (True, "Two")
    assert [action["title"] for action in client.get(page_of(draft)).context["actions_detail"]] == ["Apply to the post"]
    client.post(page_of(draft, "apply"), SUBMITTED)
    assert Post.objects.get().title == "One"


def test_a_revision_shows_what_has_changed_since(client: Client, post: Post) -> None:
    page = client.get(page_of(post.revisions.get(number=1))).content.decode()
    assert "-First.\n+Second." in page
    assert "- One\n+ Two" in page


@pytest.mark.parametrize(
    ("term", "titles"),
    [("harbour", ["At sea"]), ("sea", ["At sea"]), ("nell", ["Two"]), ("nowhere", [])],
    ids=["text", "title", "author", "nothing"],
)
def test_revisions_are_found_by_words_of_their_post_and_by_author(
    make_post: Maker, make_user: Maker, signed_in: Callable[[User], Client], term: str, titles: list[str]
) -> None:
    nell, client = make_user("author", username="nell"), signed_in(make_user("editor"))
    make_post(title="At sea", content="The harbour at night.")
    PostRevision.objects.filter(post=make_post(title="Two")).update(author=nell)
    found = client.get(f"/admin/cms/postrevision/?q={term}").context["cl"].result_list
    assert sorted(revision.post.title for revision in found) == titles


def test_a_search_finds_no_revisions_of_posts_that_the_user_may_not_change(
    client: Client, make_post: Maker, make_user: Maker
) -> None:
    make_post(title="Not yours", by=make_user("author", username="other"))
    for term in ("yours", "other"):
        assert client.get(f"/admin/cms/postrevision/?q={term}").context["cl"].result_count == 0


def test_a_search_for_a_common_word_shows_the_newest_and_says_so(
    client: Client, make_post: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for title in ("Ink one", "Ink two", "Ink three"):
        make_post(title=title)
    monkeypatch.setattr("cms.admin.revisions.FOUND_MAX", 2)
    page = client.get("/admin/cms/postrevision/?q=ink")
    assert {revision.post.title for revision in page.context["cl"].result_list} == {"Ink two", "Ink three"}
    assert "you see the revisions of the newest 2 only." in page.content.decode()
    assert "only." not in client.get("/admin/cms/postrevision/?q=three").content.decode()


@pytest.mark.parametrize("tail", ["restore", "apply"])
def test_nobody_restores_the_revisions_of_another(
    post: Post, make_user: Maker, signed_in: Callable[[User], Client], tail: str
) -> None:
    stranger = signed_in(make_user("author"))
    revision = post.revisions.get(number=1)
    PostRevision.objects.filter(pk=revision.pk).update(is_draft=True)
    stranger.post(page_of(revision, tail), SUBMITTED)
    assert (post.revisions.count(), Post.objects.get().title) == (2, "Two")


def test_an_admin_deletes_a_user(admin: User, make_user: Maker, signed_in: Callable[[User], Client]) -> None:
    user, client = make_user("author", username="mia"), signed_in(admin)
    client.post(f"/admin/cms/user/{user.pk}/anonymise/", SUBMITTED)
    user.refresh_from_db()
    assert (user.display_name, user.is_active) == ("deleted user", False)
    page = client.get(f"/admin/cms/user/{user.pk}/change/")
    assert "actions_detail" not in page.context or page.context["actions_detail"] == []


def test_the_last_admin_is_told_why_not(admin: User, signed_in: Callable[[User], Client]) -> None:
    admin.set_password(PASSWORD)
    admin.save()
    client, address = signed_in(admin), f"/admin/cms/user/{admin.pk}/anonymise/"
    sentences = {"": "Give your current password", "wrong": "not your current password", PASSWORD: "last active admin"}
    for password, sentence in sentences.items():
        answer = client.post(address, {**SUBMITTED, "current_password": password})
        assert sentence in answer.content.decode()
    assert User.objects.get().deleted_at is None


def test_an_author_neither_sees_nor_drops_a_category_that_is_switched_off(
    client: Client, make_post: Maker, send_form: Maker
) -> None:
    off = Category.objects.create(name="Hushed", slug="hushed", is_active=False)
    shown = Category.objects.create(name="Shown", slug="shown")
    post = make_post(categories=[off])
    address = f"/admin/cms/post/{post.pk}/change/"
    assert "Hushed" not in client.get(address).content.decode()
    send_form(client, address, title="Another")
    assert (Post.objects.get().version, {*post.categories.all()}) == (post.version + 1, {off})
    send_form(client, address, categories=[str(shown.pk)])
    assert {*post.categories.all()} == {off, shown}


def test_an_author_is_offered_the_languages_of_own_posts_alone(
    client: Client, make_post: Maker, make_user: Maker, editor: User, signed_in: Callable[[User], Client]
) -> None:
    make_post(language="pt-BR")
    make_post(language="gd", is_published=False, by=make_user("author"))
    for reader, languages in ((client, ["pt-BR"]), (signed_in(editor), ["gd", "pt-BR"])):
        page = reader.get("/admin/cms/post/")
        (found,) = (spec for spec in page.context["cl"].filter_specs if spec.title == "language")
        assert [value for value, _ in found.lookup_choices] == languages
