"""Nothing that takes long is done while others wait for a lock: SQLite has one writer at a time."""

import datetime
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from cms.media import preparing
from cms.models import Post, User
from cms.services import merging, post_media, users
from cms.services.posts import update_post
from cms.services.restoring import apply_revision, restore_revision
from tests.cms.admin.conftest import filled_in
from tests.cms.media.pictures import photograph
from tests.conftest import PASSWORD

JSON = "application/json"
KEY = {"Idempotency-Key": "a"}
PICTURE = photograph("PNG")


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


@pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}, KEY], ids=["once", "unless changed", "repeatable"])
def test_the_revisions_of_a_draft_that_is_applied(
    *,
    client: Client,
    editor: User,
    post: Post,
    now: datetime.datetime,
    headers: Mapping[str, str],
    rendered_under_lock: list[bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are searched for the files that the draft names, up to the first one that does."""
    searched_under_lock = under_lock(monkeypatch, post_media, "_occurring")
    post = update_post(actor=editor, post=post, changes={"content": f"![A](/api/v2/media/{uuid.uuid4()})"}, now=now)
    post = update_post(actor=editor, post=post, changes={"content": "c"}, now=now)
    draft = restore_revision(actor=editor, post=post, number=2, now=now)
    path = f"/api/v2/posts/{post.pk}/revisions/{draft.number}/actions/apply"
    assert client.post(path, b"", JSON, headers=headers).status_code == 200
    assert searched_under_lock == [False, False]
    assert rendered_under_lock == [False] * 3


@pytest.mark.parametrize("headers", [{}, KEY], ids=["once", "repeatable"])
@pytest.mark.parametrize(("content", "status"), [(PICTURE, 201), (PICTURE[:100], 422)], ids=["whole", "broken"])
def test_a_picture(
    *,
    client: Client,
    transactional_db: None,
    settings: Any,
    tmp_path: Path,
    content: bytes,
    status: int,
    headers: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.MEDIA_ROOT = tmp_path
    decoded_under_lock = under_lock(monkeypatch, preparing, "clean_image")
    upload = {"file": SimpleUploadedFile("a.png", content)}
    first = client.post("/api/v2/media", upload, headers=headers)
    assert first.status_code == status
    assert decoded_under_lock == [False]
    if headers:
        upload = {"file": SimpleUploadedFile("a.png", content)}
        assert client.post("/api/v2/media", upload, headers=headers).content == first.content
        assert decoded_under_lock == [False]


@pytest.mark.parametrize("headers", [{}, KEY], ids=["once", "repeatable"])
def test_the_password_of_a_newcomer(
    transactional_db: None, headers: Mapping[str, str], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RATE_LIMIT_REGISTER = 1
    hashed_under_lock = under_lock(monkeypatch, users, "make_password")
    fields = {"username": "mia", "email": "mia@example.org", "password": PASSWORD}
    first = Client().post("/api/v2/users", fields, JSON, headers=headers)
    assert first.status_code == 201
    if headers:
        assert Client().post("/api/v2/users", fields, JSON, headers=headers).content == first.content
    assert hashed_under_lock == [False]


@pytest.fixture
def as_admin(transactional_db: None, admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.mark.parametrize(("content", "status"), [(PICTURE, 302), (PICTURE[:100], 200)], ids=["whole", "broken"])
def test_a_picture_in_a_form_of_the_admin(
    *, as_admin: Client, settings: Any, tmp_path: Path, content: bytes, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MEDIA_ROOT = tmp_path
    decoded_under_lock = under_lock(monkeypatch, preparing, "clean_image")
    upload = {"file": SimpleUploadedFile("a.png", content), "alt_text": "A", "caption": ""}
    assert as_admin.post("/admin/cms/mediafile/add/", upload).status_code == status
    assert decoded_under_lock == [False]


def test_the_password_of_a_user_whom_an_admin_creates(as_admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed_under_lock = under_lock(monkeypatch, users, "make_password")
    form = {"username": "mia", "email": "mia@example.org", "role": "author", "password": PASSWORD}
    assert as_admin.post("/admin/cms/user/add/", form).status_code == 302
    assert User.objects.get(username="mia").check_password(PASSWORD)
    assert hashed_under_lock == [False]


def test_who_may_not_upload_makes_nobody_decode(
    transactional_db: None, make_user: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded_under_lock = under_lock(monkeypatch, preparing, "clean_image")
    client = Client()
    client.force_login(make_user("subscriber"))
    client.post("/admin/cms/mediafile/add/", {"file": SimpleUploadedFile("a.png", PICTURE)})
    assert decoded_under_lock == []


@pytest.fixture
def save_form(editor: User, post: Post) -> Callable[..., Any]:
    """Save the form of the post as it was before the test, with other values."""
    client = Client()
    client.force_login(editor)
    url = f"/admin/cms/post/{post.pk}/change/"
    form: dict[str, Any] = client.get(url).context["adminform"].form.initial
    filled = {name: value for name, value in form.items() if isinstance(value, str | int)}
    return lambda **changes: client.post(url, {**filled, "title": "A", "version": post.version, **changes})


def test_the_revisions_of_a_draft_that_a_form_saves(
    editor: User, post: Post, now: datetime.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = update_post(actor=editor, post=post, changes={"content": f"![A](/api/v2/media/{uuid.uuid4()})"}, now=now)
    post = update_post(actor=editor, post=post, changes={"content": "c"}, now=now)
    draft = restore_revision(actor=editor, post=post, number=2, now=now)
    client = Client()
    client.force_login(editor)
    url = f"/admin/cms/post/{post.pk}/change/?draft={draft.number}"
    form = filled_in(client.get(url))
    searched_under_lock = under_lock(monkeypatch, post_media, "_occurring")
    assert client.post(url, {"_continue": "1", **form}).status_code == 302
    assert "media" in Post.objects.get().content
    assert searched_under_lock == [False, False]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["as stored", "as browsers send it"])
def test_a_form_of_the_admin(save_form: Callable[..., Any], rendered_under_lock: list[bool], line_end: str) -> None:
    answer = save_form(content=f"*c*{line_end}d")
    assert answer.status_code == 302
    assert Post.objects.get().content_html == "<p><em>c</em>\nd</p>\n"
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
