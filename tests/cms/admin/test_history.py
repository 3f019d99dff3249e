"""The revisions of a post: compared word by word, and the way back to an old one."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms import limits
from cms.models import AuditEvent, Post, PostRevision, User
from cms.services.posts import update_post


@pytest.fixture
def client(author: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(author)


@pytest.fixture
def post(author: User, editor: User, make_post: Callable[..., Post], now: Any) -> Post:
    post = make_post(title="On letters", content="An old word.\n\nKept.")
    post = update_post(actor=author, post=post, changes={"content": "A new word.\n\nKept."}, now=now)
    return update_post(actor=editor, post=post, changes={"title": "On <all> letters"}, now=now)


def _page(client: Client, post: Post, query: str = "") -> str:
    return client.get(f"/admin/cms/post/{post.pk}/revisions/{query}").content.decode()


def test_the_newest_two_are_compared_at_first_by_words_and_people(client: Client, editor: User, post: Post) -> None:
    page = _page(client, post)
    assert "From revision 2 to 3" in page
    assert "On <ins>&lt;all&gt; </ins>letters" in page
    assert f"{editor.get_short_name()}: updated" in page
    assert "An old" not in page


@pytest.mark.parametrize(("query", "gone", "new"), [("?from=1&to=2", "old", "new"), ("?from=2&to=1", "new", "old")])
def test_any_two_are_compared_either_way(client: Client, post: Post, query: str, gone: str, new: str) -> None:
    page = _page(client, post, query)
    assert re.search(rf"<del>An?</del><ins>An?</ins> <del>{gone}</del><ins>{new}</ins> word", page)


@pytest.mark.parametrize("query", ["?from=0&to=99", "?from=x&to=-1", "?to=1"])
def test_numbers_of_no_revision_compare_nothing_or_the_newest(client: Client, post: Post, query: str) -> None:
    assert "revision" in _page(client, post, query)


def test_going_back_opens_the_old_text_and_changes_nothing_yet(
    client: Client, post: Post, send_form: Callable[..., Any]
) -> None:
    back = client.post(f"/admin/cms/post/{post.pk}/revisions/1/restore/").headers["Location"]
    assert back == f"/admin/cms/post/{post.pk}/change/?draft=4"
    assert Post.objects.get().content == "A new word.\n\nKept."
    assert "An old word." in client.get(back).content.decode()
    send_form(client, back)
    assert (Post.objects.get().title, Post.objects.get().content) == ("On letters", "An old word.\n\nKept.")


def test_one_draft_too_many_is_said_beside_the_revisions(
    client: Client, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WAITING_DRAFTS_MAX", 1)
    addresses = [f"/admin/cms/post/{post.pk}/revisions/{number}/restore/" for number in (1, 2)]
    assert client.post(addresses[0]).headers["Location"].endswith("?draft=4")
    page = client.post(addresses[1], follow=True)
    assert page.redirect_chain == [(f"/admin/cms/post/{post.pk}/revisions/", 302)]
    assert "at most 1 drafts" in page.content.decode()


def test_nobody_else_sees_or_restores_them(
    post: Post, make_user: Callable[..., User], signed_in: Callable[[User], Client], client: Client
) -> None:
    other, address = signed_in(make_user(role="author")), f"/admin/cms/post/{post.pk}/revisions/"
    assert other.get(address).status_code == other.post(f"{address}1/restore/").status_code == 404
    assert client.post(f"{address}99/restore/").status_code == 404
    assert client.get(f"{address}1/restore/").status_code == 405


def test_a_page_of_very_many_changes_says_that_there_are_more(
    client: Client, author: User, post: Post, now: Any
) -> None:
    for word in ("one", "another"):
        text = "".join(f"{number}\n{word} word\n" for number in range(2_000))
        post = update_post(actor=author, post=post, changes={"content": text}, now=now)
    page = _page(client, post)
    assert "differ in more places than this page shows" in page
    assert 1_000 < page.count("<ins>") < 2_000
    assert "more places" not in _page(client, post, "?from=1&to=2")


def test_the_page_takes_as_many_statements_for_many_revisions(
    client: Client, author: User, post: Post, now: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(10):
        post = update_post(actor=author, post=post, changes={"title": f"Title {number}"}, now=now)
    with django_assert_max_num_queries(12):
        _page(client, post)


def test_a_restored_draft_of_another_that_a_form_ends_is_in_the_audit_trail(
    client: Client, editor: User, signed_in: Callable[[User], Client], post: Post, send_form: Callable[..., Any]
) -> None:
    address = f"/admin/cms/post/{post.pk}/revisions/3/restore/"
    draft = signed_in(editor).post(address).headers["Location"]
    send_form(client, draft)
    [event] = AuditEvent.objects.filter(action="post.draft_discarded")
    assert event.before == {"revision": 4}


def test_a_revision_that_lacks_a_younger_field_is_shown(client: Client, post: Post) -> None:
    revision = post.revisions.get(number=1)
    del revision.snapshot["language"]
    PostRevision.objects.filter(pk=revision.pk).update(snapshot=revision.snapshot)
    assert client.get(f"/admin/cms/postrevision/{revision.pk}/change/").status_code == 200
