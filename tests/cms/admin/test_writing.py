"""What the form of a post asks in the background, and what it offers when it is opened again."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from cms.models import Post, User
from cms.rate_limits import KEPT_KB, Quota, count
from cms.services.drafts import autosave_post
from cms.services.posts import update_post
from tests.cms.admin.conftest import filled_in


@pytest.fixture
def client(author: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(author)


def _address(post: Post, tail: str = "change/") -> str:
    return f"/admin/cms/post/{post.pk}/{tail}"


def test_unsaved_texts_are_kept_and_offered_when_the_form_is_opened_again(
    client: Client, make_post: Callable[..., Post]
) -> None:
    post = make_post(title="Saved", content="Saved.")
    sent = filled_in(client.get(_address(post)), content="Half a\r\nsentence", title="")
    number = client.post(_address(post, "autosave/"), sent).json()["revision"]
    assert f'href="?draft={number}"' in client.get(_address(post)).content.decode()
    form = client.get(f"{_address(post)}?draft={number}").context["adminform"].form
    assert (form["content"].value(), form["title"].value()) == ("Half a\nsentence", "")


def test_a_kept_text_is_merged_with_what_was_saved_since(
    client: Client, author: User, editor: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(title="Saved", content="Saved.")
    draft = autosave_post(actor=author, post=post, texts={"title": "Mine"}, base_revision=1, now=now)
    assert draft
    update_post(actor=editor, post=post, changes={"content": "Theirs."}, now=now)
    address = f"{_address(post)}?draft={draft.number}"
    assert client.post(address, {"_continue": "1", **filled_in(client.get(address))}).status_code == 302
    saved = Post.objects.get()
    assert (saved.title, saved.content) == ("Mine", "Theirs.")
    assert not post.revisions.filter(is_draft=True).exists()


def _kept(client: Client, post: Post, page: Any, **changes: Any) -> dict[str, Any]:
    """Let a window keep its text on the server, and return what it would send next, as its script does."""
    sent = filled_in(page, **changes)
    answer = client.post(_address(post, "autosave/"), sent)
    assert answer.status_code == 200
    return sent | {"draft_state": answer.json().get("draft_state", "")}


def _unsaved(post: Post) -> list[str]:
    return [row.snapshot["content"] for row in post.revisions.filter(is_draft=True).order_by("number")]


def test_saving_in_one_window_leaves_the_text_that_another_has_kept(
    client: Client, make_post: Callable[..., Post]
) -> None:
    post = make_post(title="Saved", content="Saved.")
    first, second = client.get(_address(post)), client.get(_address(post))
    chapter = _kept(client, post, second, content="A long chapter.")
    mine = {"_continue": "1", **filled_in(first, title="Mine")}
    assert client.post(_address(post), mine).status_code == 302
    assert _unsaved(post) == ["A long chapter."]
    draft = post.revisions.get(is_draft=True)
    assert f'href="?draft={draft.number}"' in client.get(_address(post)).content.decode()
    assert client.post(_address(post), {"_continue": "1", **chapter}).status_code == 302
    saved = Post.objects.get()
    assert (saved.title, saved.content, _unsaved(post)) == ("Mine", "A long chapter.", [])


def test_two_windows_keep_a_text_each_on_the_server(client: Client, make_post: Callable[..., Post]) -> None:
    post = make_post(content="Saved.")
    first, second = client.get(_address(post)), client.get(_address(post))
    _kept(client, post, second, content="A long chapter.")
    mine = _kept(client, post, first, content="Mine")
    client.post(_address(post, "autosave/"), {**mine, "content": "Mine, longer"})
    assert _unsaved(post) == ["A long chapter.", "Mine, longer"]


def test_a_draft_that_is_open_in_two_windows_stays_with_what_one_of_them_has_added(
    client: Client, make_post: Callable[..., Post]
) -> None:
    post = make_post(content="Saved.")
    _kept(client, post, client.get(_address(post)), content="Begun")
    address = f"{_address(post)}?draft={post.revisions.get(is_draft=True).number}"
    first, second = client.get(address), client.get(address)
    _kept(client, post, second, content="Begun and gone on with")
    assert client.post(address, {"_continue": "1", **filled_in(first)}).status_code == 302
    assert (Post.objects.get().content, _unsaved(post)) == ("Begun", ["Begun and gone on with"])


def test_a_conflict_leaves_a_form_its_draft(
    client: Client, author: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(title="Saved", content="Saved.")
    mine = _kept(client, post, client.get(_address(post)), title="Mine")
    update_post(actor=author, post=post, changes={"title": "Theirs"}, now=now)
    page = client.post(_address(post), {"_continue": "1", **mine})
    assert page.status_code == 200
    assert client.post(_address(post), {"_continue": "1", **filled_in(page)}).status_code == 302
    assert (Post.objects.get().title, _unsaved(post)) == ("Mine", [])


def test_a_draft_is_discarded_by_its_button(
    client: Client, author: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(content="Saved.")
    draft = autosave_post(actor=author, post=post, texts={"content": "Mine"}, base_revision=1, now=now)
    assert draft
    address = _address(post, f"drafts/{draft.number}/discard/")
    assert client.get(address).status_code == 405
    assert client.post(address).headers["Location"] == _address(post)
    assert client.post(address).status_code == 404


def test_open_forms_name_each_other_and_the_version(
    client: Client, editor: User, signed_in: Callable[[User], Client], make_post: Callable[..., Post]
) -> None:
    post = make_post()
    signed_in(editor).post(_address(post, "editing/"))
    assert client.post(_address(post, "editing/")).json() == {
        "others": [editor.get_short_name()],
        "version": post.version,
    }
    signed_in(editor).post(_address(post, "editing/"), {"end": "1"})
    assert client.post(_address(post, "editing/")).json()["others"] == []


@pytest.mark.parametrize("tail", ["editing/", "autosave/", "drafts/1/discard/"])
def test_posts_of_others_are_out_of_reach(
    make_user: Callable[..., User], signed_in: Callable[[User], Client], make_post: Callable[..., Post], tail: str
) -> None:
    post = make_post(is_published=False)
    stranger = signed_in(make_user("author"))
    assert stranger.post(_address(post, tail), {"content": "Mine"}).status_code == 404
    assert not post.revisions.filter(is_draft=True).exists()


def test_the_session_is_told_with_a_token_and_to_nobody_else(client: Client, author: User) -> None:
    answer: Any = client.get("/admin/session/")
    assert answer.json()["user"] == str(author.pk)
    assert len(answer.json()["token"]) == 64
    assert Client().get("/admin/session/").json() == {"user": None}


def test_only_the_pages_of_signing_in_may_stand_in_a_frame(client: Client) -> None:
    framed = ("/admin/login/", "/admin/session/signed-in/")
    assert [client.get(address).headers["X-Frame-Options"] for address in framed] == ["SAMEORIGIN"] * 2
    assert Client().get("/admin/login/").headers["X-Frame-Options"] == "SAMEORIGIN"
    assert client.get("/").headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("content", ["# A *heading*\r\n\r\n<script>x</script>", "- one\n- two"])
def test_the_preview_is_what_readers_get(client: Client, make_post: Callable[..., Post], content: str) -> None:
    answer = client.post("/admin/cms/post/preview/", {"content": content, "content_format": "markdown"})
    assert answer.content.decode() == make_post(content=content.replace("\r\n", "\n")).content_html


def test_a_preview_of_something_else_is_refused(client: Client, make_user: Callable[..., User], signed_in: Any) -> None:
    address = "/admin/cms/post/preview/"
    assert client.post(address, {"content": "x", "content_format": "docx"}).status_code == 400
    assert client.post(address, {"content": "x" * 1_000_001, "content_format": "html"}).status_code == 400
    assert signed_in(make_user("subscriber")).post(address, {"content": "x"}).status_code == 302


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        ({"content": "x", "base_revision": "9" * 5_000}, 200),
        ({"content": "x", "base_revision": "9" * 300}, 200),
        ({"content": "a\x00b"}, 422),
        ({"title": "x" * 801}, 422),
        ({"content_format": "docx"}, 422),
    ],
)
def test_odd_texts_are_kept_or_refused(
    client: Client, make_post: Callable[..., Post], texts: dict[str, str], status: int
) -> None:
    assert client.post(_address(make_post(), "autosave/"), texts).status_code == status


def test_odd_queries_are_refused_or_ignored(client: Client, make_post: Callable[..., Post]) -> None:
    assert client.get(_address(make_post(), f"change/?draft={'9' * 4_400}")).status_code == 200
    assert client.get("/admin/cms/post/?visibility__exact=%00").headers["Location"] == "/admin/cms/post/?e=1"


@pytest.mark.parametrize("page", ["add/", "preview/", "advice/"])
def test_a_long_text_is_taken_as_it_is_and_not_percent_encoded(page: str, client: Client) -> None:
    """Parsing one that is percent-encoded takes 27 times as much memory."""
    escaped = b"content=" + b"%41" * 4_000_000
    address = f"/admin/cms/post/{page}"
    assert client.post(address, escaped, content_type="application/x-www-form-urlencoded").status_code == 413
    assert client.post(address, {"content": "記" * 300_000, "content_format": "html"}).status_code == 200


def test_the_form_of_a_post_is_sent_as_it_is(client: Client, make_post: Callable[..., Post]) -> None:
    assert 'enctype="multipart/form-data"' in client.get(_address(make_post())).content.decode()


@pytest.fixture
def spent(author: User, settings: Any, now: datetime) -> None:
    settings.RATE_LIMIT_KEPT_MB = 1
    count(Quota(KEPT_KB, str(author.pk)), 1_000, now)


@pytest.mark.usefixtures("spent")
def test_a_writer_who_has_stored_too_much_today_reads_so_in_the_form_and_loses_no_text(
    client: Client, make_post: Callable[..., Post]
) -> None:
    post = make_post(title="Saved", content="Saved.")
    page = client.post(
        _address(post), {"_continue": "1", **filled_in(client.get(_address(post)), content="Long work.")}
    )
    assert "stored 1 MB of revisions" in page.content.decode()
    assert page.context["adminform"].form["content"].value() == "Long work."
    assert Post.objects.get().content == "Saved."
    answer = client.post(_address(post, "autosave/"), filled_in(page))  # the browser goes on keeping the text
    assert (answer.status_code, "stored 1 MB of revisions" in answer.json()["message"]) == (422, True)
    assert not post.revisions.filter(is_draft=True).exists()


@pytest.mark.usefixtures("spent")
def test_who_has_stored_too_much_today_reads_so_beside_the_revisions(
    client: Client, make_post: Callable[..., Post]
) -> None:
    post = make_post()
    page = client.post(_address(post, "revisions/1/restore/"), follow=True)
    assert "stored 1 MB of revisions" in page.content.decode()
    assert post.revisions.count() == 1
