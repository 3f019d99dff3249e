"""Two people edit one post: nothing is overwritten, nothing is lost, and nobody is stuck."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from cms.models import Category, Post, User
from cms.services.post_states import publish_post
from tests.cms.admin.conftest import filled_in

TEXT = "The harbour.\n\nBoats come in.\n\nBoats go out.\n"


@pytest.fixture
def client(editor: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(editor)


@pytest.fixture
def other(make_user: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(make_user("editor", username="eleni"))


def _change(post: Post) -> str:
    return f"/admin/cms/post/{post.pk}/change/"


def _save(client: Client, post: Post, page: Any, **changes: Any) -> Any:
    return client.post(_change(post), {"_continue": "1", **filled_in(page, **changes)})


def test_changes_of_different_fields_are_both_saved(
    client: Client, other: Client, make_post: Callable[..., Post]
) -> None:
    post = make_post(title="Harbour", content=TEXT, tags=["sea", "boats"])
    mine, theirs = client.get(_change(post)), other.get(_change(post))
    assert (
        _save(other, post, theirs, title="Port", content=TEXT + "Theirs.\n", tags=["sea", "boats", "ships"]).status_code
        == 302
    )
    assert _save(client, post, mine, meta_title="For search", visibility="private", tags=["sea"]).status_code == 302
    saved = Post.objects.get()
    assert (saved.title, saved.content) == ("Port", TEXT + "Theirs.\n")
    assert (saved.meta_title, saved.visibility) == ("For search", "private")
    assert {tag.name for tag in saved.tags.all()} == {"sea", "ships"}


def test_a_publication_meanwhile_does_not_stop_a_writer(
    client: Client, editor: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(title="Harbour", content=TEXT, is_published=False)
    mine = client.get(_change(post))
    publish_post(actor=editor, post=post, now=now)
    assert _save(client, post, mine, content=TEXT + "Mine.\n").status_code == 302
    saved = Post.objects.get()
    assert (saved.status, saved.content) == ("published", TEXT + "Mine.\n")


def test_the_same_field_is_shown_from_both_sides_and_the_next_save_succeeds(
    client: Client, other: Client, make_post: Callable[..., Post]
) -> None:
    post = make_post(title="Harbour", content=TEXT, tags=["sea"])
    mine, theirs = client.get(_change(post)), other.get(_change(post))
    _save(other, post, theirs, title="Port", excerpt="Theirs", content=TEXT.replace("Boats come", "Big boats come"))
    mine_text = TEXT.replace("go out", "sail out")
    page = _save(client, post, mine, title="Haven", content=mine_text, tags=["sea", "sails"])
    assert page.status_code == 200
    assert Post.objects.get().title == "Port"
    text = page.content.decode()
    assert "eleni has changed this post too" in text
    form = page.context["adminform"].form
    assert [form[name].value() for name in ("title", "excerpt")] == ["Haven", "Theirs"]
    assert form["content"].value() == TEXT.replace("Boats come", "Big boats come").replace("go out", "sail out")
    for side in ("Port", "Harbour", mine_text.splitlines()[-1]):
        assert side in text
    assert _save(client, post, page).status_code == 302
    saved = Post.objects.get()
    assert (saved.title, saved.excerpt, saved.content) == ("Haven", "Theirs", form["content"].value())
    assert {tag.name for tag in saved.tags.all()} == {"sea", "sails"}


def test_an_expiry_and_categories_of_both_are_kept(
    client: Client, other: Client, make_post: Callable[..., Post]
) -> None:
    first, second = (Category.objects.create(name=name, slug=name.lower()) for name in ("Letters", "Archives"))
    post = make_post(title="Harbour", content=TEXT)
    mine, theirs = client.get(_change(post)), other.get(_change(post))
    _save(other, post, theirs, categories=[first.pk], kind="page")
    assert _save(client, post, mine, categories=[second.pk], language="el").status_code == 302
    saved = Post.objects.get()
    assert set(saved.categories.all()) == {first, second}
    assert (saved.kind, saved.language) == ("page", "el")


def test_a_form_that_does_not_name_what_it_has_read_saves_over_nothing(
    client: Client, other: Client, make_post: Callable[..., Post]
) -> None:
    post = make_post(title="Harbour", content=TEXT)
    mine, theirs = client.get(_change(post)), other.get(_change(post))
    _save(other, post, theirs, title="Port")
    page = _save(client, post, mine, title="Haven", base_revision="")
    assert "changed meanwhile" in str(page.context["adminform"].form.non_field_errors())
    assert Post.objects.get().title == "Port"
