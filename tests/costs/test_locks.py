"""No text is rendered or merged while others wait for a lock: SQLite has one writer at a time."""

import datetime
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from cms.models import Post, User
from cms.services import merging, post_media
from cms.services.posts import update_post
from cms.services.restoring import apply_revision, restore_revision

JSON = "application/json"


def under_lock(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[bool]:
    """For each call of a function from now on, whether that was within a transaction."""
    seen: list[bool] = []
    called = getattr(module, name)

    def look(*args: Any, **kwargs: Any) -> Any:
        seen.append(connection.in_atomic_block)
        return called(*args, **kwargs)

    monkeypatch.setattr(module, name, look)
    return seen


@pytest.fixture
def client(editor: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(editor)


@pytest.fixture
def post(transactional_db: None, make_post: Callable[..., Post]) -> Post:
    return make_post(title="A", content="b")


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "a"}], ids=["once", "repeatable"])
def test_a_new_post(client: Client, rendered_under_lock: list[bool], headers: Mapping[str, str]) -> None:
    answer = client.post("/api/v2/posts", {"title": "A", "content": "*b*"}, JSON, headers=headers)
    assert (answer.status_code, answer.json()["content_html"]) == (201, "<p><em>b</em></p>\n")
    assert rendered_under_lock == [False]


@pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}], ids=["by anyone", "unless changed"])
def test_a_changed_post(
    client: Client, post: Post, rendered_under_lock: list[bool], headers: Mapping[str, str]
) -> None:
    answer = client.patch(f"/api/v2/posts/{post.pk}", {"content": "*c*"}, JSON, headers=headers)
    assert answer.json()["content_html"] == "<p><em>c</em></p>\n"
    assert rendered_under_lock == [False]


def test_a_new_title_renders_nothing(client: Client, post: Post, rendered_under_lock: list[bool]) -> None:
    assert client.patch(f"/api/v2/posts/{post.pk}", {"title": "B"}, JSON).status_code == 200
    assert rendered_under_lock == []


def test_a_draft_that_is_applied(
    editor: User, post: Post, rendered_under_lock: list[bool], now: datetime.datetime
) -> None:
    post = update_post(actor=editor, post=post, changes={"content": "c"}, now=now)
    draft = restore_revision(actor=editor, post=post, number=1, now=now)
    apply_revision(actor=editor, post=post, number=draft.number, now=now)
    assert rendered_under_lock == [False, False]


def test_the_revisions_of_a_draft_that_is_applied(
    editor: User, post: Post, now: datetime.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them are searched for the files that the draft names."""
    searched_under_lock = under_lock(monkeypatch, post_media, "_occurring")
    post = update_post(actor=editor, post=post, changes={"content": f"![A](/api/v2/media/{uuid.uuid4()})"}, now=now)
    post = update_post(actor=editor, post=post, changes={"content": "c"}, now=now)
    draft = restore_revision(actor=editor, post=post, number=2, now=now)
    apply_revision(actor=editor, post=post, number=draft.number, now=now)
    assert searched_under_lock == [False, False]  # up to the first that names it


@pytest.fixture
def save_form(editor: User, post: Post) -> Callable[..., Any]:
    """Save the form of the post as it was before the test, with other values."""
    client = Client()
    client.force_login(editor)
    url = f"/admin/cms/post/{post.pk}/change/"
    form: dict[str, Any] = client.get(url).context["adminform"].form.initial
    filled = {name: value for name, value in form.items() if isinstance(value, str | int)}
    return lambda **changes: client.post(url, {**filled, "title": "A", "version": post.version, **changes})


def test_a_form_of_the_admin(save_form: Callable[..., Any], rendered_under_lock: list[bool]) -> None:
    answer = save_form(content="*c*")
    assert answer.status_code == 302
    assert Post.objects.get().content_html == "<p><em>c</em></p>\n"
    assert rendered_under_lock == [False]


def test_two_forms_of_the_admin_are_merged_without_a_lock(
    save_form: Callable[..., Any], editor: User, post: Post, now: datetime.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged_under_lock = under_lock(monkeypatch, merging, "merge_texts")
    update_post(actor=editor, post=post, changes={"content": "b\n\nTheirs."}, now=now)
    shown = save_form(content="Mine.\n\nb").content.decode()
    assert "Mine." in shown
    assert "Theirs." in shown
    assert merged_under_lock == [False]
