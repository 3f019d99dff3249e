"""Renditions of images: made once, in sizes of a list, and cut around the focal point."""

import datetime
import io
import re
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError
from PIL import Image

from cms.costs.turns import Busy
from cms.errors import InvalidInput, NotFound
from cms.media import memory
from cms.media.renditions import make_rendition
from cms.models import AuditEvent, MediaFile, Rendition, User
from cms.services import media as media_module
from cms.services.media import get_or_make_rendition, update_media
from tests.cms.media.pictures import encode, halves

HOUR = datetime.timedelta(hours=1)
PDF = b"%PDF-1.7\n%%EOF\n"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]


def is_blue(image: Image.Image) -> bool:
    """Whether the middle is."""
    blue = image.convert("RGB").getchannel("B").crop((80, 80, 81, 81))
    return blue.tobytes()[0] > 200


def test_a_rendition_is_made_once_and_kept(upload: Any, author: User, media_place: Any, now: Any) -> None:
    media = upload(author)
    first = get_or_make_rendition(media=media, spec="width-320", now=now)
    again = get_or_make_rendition(media=media, spec="width-320", now=now + HOUR)
    assert (again, again.created_at) == (first, now)
    assert (first.width, first.height, first.mime_type) == (320, 240, "image/webp")
    content = media_place.read(first.file.name)
    assert (Image.open(io.BytesIO(content)).size, first.size_bytes) == ((320, 240), len(content))
    assert re.fullmatch(rf"renditions/{now:%Y/%m}/{media.pk.hex}-width-320-[0-9a-f]{{8}}\.webp", first.file.name)
    assert media_place.names() == sorted([media.file.name, first.file.name])


@pytest.mark.parametrize("spec", ["width-321", "width-99999", "../x", "", "square-160\n"])
def test_only_sizes_of_the_list_are_made(upload: Any, author: User, stored: Any, now: Any, spec: str) -> None:
    media = upload(author)
    with pytest.raises(NotFound):
        get_or_make_rendition(media=media, spec=spec, now=now)
    assert len(stored()) == 1


def test_a_document_has_no_renditions(upload: Any, author: User, now: Any) -> None:
    with pytest.raises(NotFound):
        get_or_make_rendition(media=upload(author, PDF, "a.pdf"), spec="width-320", now=now)


@pytest.mark.django_db(transaction=True)
def test_many_who_ask_at_once_get_one_rendition(
    upload: Any, author: User, stored: Any, in_threads: Any, now: Any
) -> None:
    media = upload(author)
    ask = partial(get_or_make_rendition, media=media, spec="square-160", now=now)
    answers = in_threads([ask] * 8)
    made = [answer for answer in answers if not isinstance(answer, Busy)]
    assert made
    assert {answer.pk for answer in made} == {Rendition.objects.get().pk}
    assert len(stored()) == 2


def test_an_image_has_a_focal_point_and_loses_it(upload: Any, author: User, now: Any) -> None:
    media = update_media(actor=author, media=upload(author), changes={"focal_x": 0.123456, "focal_y": 1}, now=now)
    media.refresh_from_db()
    assert media.focal_point == (0.1235, 1)
    event = AuditEvent.objects.get(action="media.updated")
    assert (event.before, event.after) == ({"focal_x": None, "focal_y": None}, {"focal_x": 0.1235, "focal_y": 1})
    update_media(actor=author, media=media, changes={"focal_x": None, "focal_y": None}, now=now)
    media.refresh_from_db()
    assert media.focal_point is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"focal_x": 1.01, "focal_y": 0}, "focal_x"),
        ({"focal_x": 0, "focal_y": float("nan")}, "focal_y"),
        ({"focal_x": 0.5}, "focal_y"),
    ],
)
def test_a_focal_point_has_two_numbers_from_0_to_1(
    upload: Any, author: User, now: Any, changes: Any, field: str
) -> None:
    media = upload(author)
    with pytest.raises(InvalidInput) as refusal:
        update_media(actor=author, media=media, changes=changes, now=now)
    assert [error.field for error in refusal.value.errors] == [field]
    with pytest.raises(IntegrityError):
        MediaFile.objects.filter(pk=media.pk).update(focal_x=0.5)


def test_a_document_has_no_focal_point(upload: Any, author: User, now: Any) -> None:
    document = upload(author, PDF, "paper.pdf")
    with pytest.raises(InvalidInput, match="Only images"):
        update_media(actor=author, media=document, changes={"focal_x": 0.5, "focal_y": 0.5}, now=now)


@pytest.mark.django_db(transaction=True)
def test_what_is_cut_is_made_again_around_a_new_focal_point(upload: Any, author: User, stored: Any, now: Any) -> None:
    media = upload(author, encode(halves(), "PNG"), "halves.png")
    for spec in ("square-160", "width-320"):
        get_or_make_rendition(media=media, spec=spec, now=now)
    before = stored()
    media = update_media(actor=author, media=media, changes={"focal_x": 1, "focal_y": 0.5}, now=now)
    assert len(stored()) == len(before) - 1
    assert [made.spec for made in Rendition.objects.all()] == ["width-320"]
    made = get_or_make_rendition(media=media, spec="square-160", now=now)
    with made.file.open() as file:
        assert is_blue(Image.open(file))


@pytest.mark.django_db(transaction=True)
def test_a_rendition_begun_before_the_focal_point_moved_keeps_the_new_one(upload: Any, author: User, now: Any) -> None:
    read_before = upload(author, encode(halves(), "PNG"), "halves.png")
    update_media(actor=author, media=read_before, changes={"focal_x": 1, "focal_y": 0.5}, now=now)
    made = get_or_make_rendition(media=read_before, spec="square-160", now=now)
    with made.file.open() as file:
        assert is_blue(Image.open(file))


def test_a_focal_point_that_keeps_moving_makes_no_rendition_again_and_again(
    upload: Any, author: User, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    media, moves = upload(author, encode(halves(), "PNG"), "halves.png"), iter(range(1, 10))

    def make_while_it_moves(*given: Any) -> Any:
        MediaFile.objects.filter(pk=media.pk).update(focal_x=next(moves) / 10, focal_y=0.5)
        return make_rendition(*given)

    monkeypatch.setattr(media_module, "make_rendition", make_while_it_moves)
    with pytest.raises(Busy, match="this image is changed"):
        get_or_make_rendition(media=media, spec="square-160", now=now)
    assert next(moves) == media_module.RENDITION_TRIES + 1


def test_an_image_from_before_the_bound_keeps_its_bytes_and_has_no_renditions(
    upload: Any, author: User, media_place: Any, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = upload(author)
    monkeypatch.setattr(memory, "SIDE_MAX", 399)
    with pytest.raises(NotFound, match="no such rendition"):
        get_or_make_rendition(media=media, spec="width-320", now=now)
    assert Image.open(io.BytesIO(media_place.read(media.file.name))).size == (400, 300)
    media_place.delete(media.file.name)
    with pytest.raises(NotFound, match="no such rendition"):  # and not that its bytes are gone: nobody has looked
        get_or_make_rendition(media=media, spec="width-320", now=now)
    assert not Rendition.objects.exists()


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[:100], lambda content: content[:-100], lambda _: encode(halves(), "PNG"), lambda _: b""],
    ids=["header alone", "cut off", "another picture", "empty"],
)
def test_a_file_that_was_damaged_has_no_renditions_until_it_is_mended(
    upload: Any, author: User, media_place: Any, now: Any, caplog: pytest.LogCaptureFixture, damage: Any
) -> None:
    media = upload(author)
    content = media_place.read(media.file.name)
    media_place.write(media.file.name, damage(content))
    with pytest.raises(NotFound, match="bytes of this file are gone"):
        get_or_make_rendition(media=media, spec="width-320", now=now)
    assert f"The bytes of the file {media.pk} are not those that were stored." in caplog.messages
    media_place.write(media.file.name, content)
    assert get_or_make_rendition(media=media, spec="width-320", now=now).width == 320
