"""Names that a form shows beside ids: those that its reader may see, and those that its object has already."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.errors import InvalidInput
from cms.models import MediaFile, Post, User
from cms.services.media import upload_media
from cms.services.merging import Read, merge_post
from cms.services.posts import update_post
from tests.cms.media.pictures import photograph

ADD = "/admin/cms/post/add/"


@pytest.fixture
def reader(make_user: Callable[..., User]) -> User:
    return make_user("subscriber", username="kofi_mensah")


@pytest.fixture
def hidden(media_root: None, editor: User) -> MediaFile:
    picture = io.BytesIO(photograph(size=(40, 30)))
    name = "layoffs-plan.png"
    return upload_media(actor=editor, upload=picture, original_name=name, fields={}, now=timezone.now())


def _names(page: Any) -> list[str]:
    text = page.content.decode()
    return [name for name in ("kofi_mensah", "layoffs-plan") if name in text]


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_author_learns_no_names_of_what_is_hidden(
    signed_in: Callable[[User], Client], author: User, reader: User, hidden: MediaFile, method: str
) -> None:
    ids = {"co_authors": str(reader.pk), "featured_image": str(hidden.pk)}
    page = getattr(signed_in(author), method)(ADD, ids)
    assert page.status_code == 200
    assert _names(page) == []


def test_who_sees_a_file_sees_its_name(
    signed_in: Callable[[User], Client], editor: User, author: User, hidden: MediaFile
) -> None:
    page = signed_in(editor).get(ADD, {"featured_image": str(hidden.pk), "co_authors": str(author.pk)})
    assert _names(page) == ["layoffs-plan"]
    assert f"selected>{author.username}<" in page.content.decode()


def test_what_a_post_has_already_is_shown_by_name(
    signed_in: Callable[[User], Client],
    author: User,
    reader: User,
    hidden: MediaFile,
    make_post: Callable[..., Post],
) -> None:
    post = make_post(is_published=False)
    post.co_authors.add(reader)
    Post.objects.filter(pk=post.pk).update(featured_image=hidden)
    assert _names(signed_in(author).get(f"/admin/cms/post/{post.pk}/change/")) == ["kofi_mensah", "layoffs-plan"]


def test_a_conflict_names_no_picture_that_its_writer_can_not_see(
    author: User, hidden: MediaFile, make_post: Callable[..., Post]
) -> None:
    """The page of a conflict shows both values by name."""
    post, now = make_post(is_published=False), timezone.now()
    picture = io.BytesIO(photograph(size=(40, 30)))
    other = upload_media(actor=author, upload=picture, original_name="other.png", fields={}, now=now)
    read = Read(post.version, {"featured_image": None})
    update_post(actor=author, post=post, changes={"featured_image": other}, now=now, expected_version=post.version)
    with pytest.raises(InvalidInput) as refused:
        merge_post(actor=author, post=post, changes={"featured_image": hidden}, read=read, now=now)
    assert [(error.field, error.code) for error in refused.value.errors] == [("featured_image", "missing")]
