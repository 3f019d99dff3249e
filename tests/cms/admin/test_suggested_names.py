"""Names that a form shows beside ids: those that its reader may see, and those that its object has already."""

import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

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


def test_a_form_tells_no_hidden_file_from_a_missing_one(
    signed_in: Callable[[User], Client], author: User, hidden: MediaFile, send_form: Callable[..., Any]
) -> None:
    said = []
    for image in (str(hidden.pk), str(uuid4())):
        page = send_form(signed_in(author), ADD, title="A", content="B", featured_image=image)
        said.append(page.context["adminform"].form.errors["featured_image"])
    assert said[0] == said[1] == ["There is no such image, or you can't see it."]


def test_a_history_names_the_pictures_that_its_reader_sees(
    signed_in: Callable[[User], Client], author: User, hidden: MediaFile, editor: User, make_post: Callable[..., Post]
) -> None:
    post = make_post(is_published=False)
    for image in (hidden, None):
        update_post(actor=editor, post=post, changes={"featured_image": image}, now=timezone.now())
    address = f"/admin/cms/post/{post.pk}/revisions/"
    assert _names(signed_in(author).get(address)) == []
    assert _names(signed_in(editor).get(address)) == ["layoffs-plan"]


def test_the_uploader_is_named_to_those_to_whom_v2_names_him(
    signed_in: Callable[[User], Client],
    make_user: Callable[..., User],
    author: User,
    editor: User,
    hidden: MediaFile,
    make_post: Callable[..., Post],
) -> None:
    update_post(actor=editor, post=make_post(), changes={"featured_image": hidden}, now=timezone.now())
    pages = [
        signed_in(reader).get(f"/admin/cms/mediafile/{hidden.pk}/change/").content.decode()
        for reader in (author, make_user("admin"))
    ]
    assert [editor.username in page for page in pages] == [False, True]


def test_no_suggestions_for_what_is_no_column(signed_in: Callable[[User], Client], author: User) -> None:
    ask = {"app_label": "cms", "model_name": "post", "term": "a"}
    answers = [
        signed_in(author).get("/admin/autocomplete/", ask | {"field_name": name}).status_code
        for name in ("co_authors", "comments", "revisions", "nothing")
    ]
    assert answers == [200, 403, 403, 403]


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
