"""A text may name thousands of files by their ids: no more are looked for than a post may show."""

import uuid
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cms import limits
from cms.models import MediaFile, Post, User

JSON: Final = "application/json"
MOST: Final = limits.FILES_PER_TEXT_MAX
REFUSAL: Final = f"At most {MOST} files are allowed in a text."


def naming(ids: list[Any]) -> str:
    return f"[a](/api/v2/media/{'/'.join(f'{each.hex}' for each in ids)})"


@pytest.fixture
def too_many() -> str:
    return naming([uuid.uuid4() for _ in range(MOST + 1)])


@pytest.fixture
def client(author: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(author)


@pytest.mark.parametrize("path", ["/api/v1/posts", "/api/v2/posts"])
def test_a_text_with_too_many_files_is_refused(client: Client, too_many: str, path: str) -> None:
    answer = client.post(path, {"title": "A", "content": too_many}, JSON)
    assert (answer.status_code, REFUSAL in answer.content.decode()) == (422, True)
    assert not Post.objects.exists()


def test_a_change_that_brings_too_many_is_refused(
    client: Client, author: User, too_many: str, make_post: Callable[..., Post]
) -> None:
    post = make_post(by=author)
    answer = client.patch(f"/api/v2/posts/{post.pk}", {"content": too_many}, JSON)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "too_many_files")


def test_an_old_revision_with_too_many_is_not_applied(
    client: Client, author: User, make_post: Callable[..., Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    post = make_post(by=author, content=naming([uuid.uuid4(), uuid.uuid4()]))
    client.patch(f"/api/v2/posts/{post.pk}", {"content": "Without"}, JSON)
    monkeypatch.setattr(limits, "FILES_PER_TEXT_MAX", 1)
    draft = client.post(f"/api/v2/posts/{post.pk}/revisions/1/actions/restore", {}, JSON).json()
    answer = client.post(f"/api/v2/posts/{post.pk}/revisions/{draft['number']}/actions/apply", {}, JSON)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "too_many_files")
    post.refresh_from_db()
    assert post.content == "Without"


def test_advice_looks_for_no_more_files_either(author: User, too_many: str) -> None:
    site = Client()
    site.force_login(author)
    with CaptureQueriesContext(connection) as queries:
        said = site.post("/admin/cms/post/advice/", {"content": too_many, "content_format": "markdown"})
    assert REFUSAL in said.content.decode()
    assert not [one for one in queries.captured_queries if "cms_mediafile" in one["sql"]]


def test_as_many_as_are_allowed_are_shown(client: Client, author: User) -> None:
    facts: Any = {"mime_type": "image/png", "size_bytes": 9, "sha256": "0" * 64, "uploaded_by": author}
    files = MediaFile.objects.bulk_create(
        MediaFile(file=f"{number}.png", original_name=f"{number}.png", **facts) for number in range(MOST)
    )
    answer = client.post("/api/v2/posts", {"title": "A", "content": naming([file.pk for file in files])}, JSON)
    assert answer.status_code == 201
    assert Post.objects.get().embedded_media.count() == MOST
