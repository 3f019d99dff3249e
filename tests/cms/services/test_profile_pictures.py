"""A picture that a post shows outlives its account, and the name of the person does not."""

import datetime
import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from cms.errors import NotFound
from cms.models import AuditEvent, MediaFile, Post, User
from cms.policy import SYSTEM
from cms.services import profile_pictures
from cms.services.locks import lock_row
from cms.services.media import delete_media, update_media
from cms.services.profile_pictures import set_profile_picture
from cms.services.user_deletion import delete_user
from cms.services.users import update_user
from tests.cms.media.pictures import photograph
from tests.cms.services.conftest import wait_until_waited_for

NAME = "Amalia Kranz"
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def amalia(make_user: Callable[..., User], media_root: None) -> User:
    return make_user("author", username="amalia", display_name=NAME)


def set_picture(user: User, now: datetime.datetime) -> User:
    upload = io.BytesIO(photograph(size=(40, 30)))
    return set_profile_picture(actor=user, user=user, upload=upload, original_name="me.jpg", now=now)


@pytest.fixture
def show(amalia: User, make_post: Callable[..., Post], now: datetime.datetime) -> Callable[[], MediaFile]:
    """Set a new picture, and show it in a public post."""

    def make() -> MediaFile:
        user = set_picture(amalia, now)
        assert user.picture is not None
        make_post(by=amalia, content=f"![](media:{user.picture.pk})", featured_image=user.picture)
        return user.picture

    return make


def _name_it(media: MediaFile) -> None:
    """As earlier releases did."""
    MediaFile.objects.filter(pk=media.pk).update(alt_text=NAME)


def _leave(user: User, now: datetime.datetime) -> None:
    delete_user(actor=SYSTEM, user=User.objects.get(pk=user.pk), now=now + MINUTE)


def _texts() -> list[str]:
    return [*MediaFile.objects.order_by("pk").values_list("alt_text", flat=True)]


def test_a_deleted_users_picture_that_a_post_shows_has_no_name(
    amalia: User, show: Callable[[], MediaFile], now: datetime.datetime
) -> None:
    media = show()
    _leave(amalia, now)
    answer = Client().get(f"/api/v2/media/{media.pk}")
    assert answer.status_code == 200
    assert answer.json()["alt_text"] == ""
    assert NAME not in str([*AuditEvent.objects.values_list("before", "after")])


def test_a_deleted_users_picture_that_a_post_shows_loses_the_name_of_its_file(
    amalia: User, show: Callable[[], MediaFile], now: datetime.datetime
) -> None:
    media = show()
    _leave(amalia, now)
    assert Client().get(f"/api/v2/media/{media.pk}").json()["original_name"] == "erased.jpg"
    assert "me.jpg" not in str([*AuditEvent.objects.values_list("before", "after")])


def test_the_deletion_of_a_picture_whose_other_events_were_pruned_names_no_file(
    amalia: User, now: datetime.datetime
) -> None:
    set_picture(amalia, now)
    AuditEvent.objects.all().delete()
    _leave(amalia, now)
    assert AuditEvent.objects.get(action="media.deleted").before["original_name"] == "erased"


def test_the_name_that_an_earlier_release_wrote_goes_with_the_account_or_the_name(
    amalia: User, show: Callable[[], MediaFile], now: datetime.datetime
) -> None:
    _name_it(show())
    update_user(actor=SYSTEM, user=amalia, changes={"display_name": "A. K."}, now=now)
    _leave(amalia, now)
    assert _texts() == [""]
    assert MediaFile.objects.get().updated_at == now + MINUTE


def test_a_picture_replaced_while_a_post_shows_it_loses_the_name(show: Callable[[], MediaFile]) -> None:
    _name_it(show())
    show()
    assert _texts() == ["", ""]


def test_each_file_of_a_deleted_user_loses_a_text_that_is_the_name(
    amalia: User, upload: Callable[..., MediaFile], author: User, now: datetime.datetime
) -> None:
    for by, text in ((amalia, NAME), (amalia, "A lighthouse"), (author, NAME)):
        upload(by, alt_text=text)
    _leave(amalia, now)
    assert _texts() == ["", "A lighthouse", NAME]


def test_a_change_of_the_picture_and_the_deletion_of_its_file_wait_in_turn(
    in_threads: Callable[..., list[Any]], amalia: User, now: datetime.datetime
) -> None:
    """The one held the user and wanted the file, the other held the file and wanted the user."""
    last, is_held = set_picture(amalia, now).picture, threading.Event()
    assert last is not None

    def delete() -> None:
        with transaction.atomic():
            lock_row(last, is_doomed=True)
            is_held.set()
            wait_until_waited_for()
            delete_media(actor=amalia, media=last)

    def change() -> User:
        assert is_held.wait(60)
        return set_picture(amalia, now)

    deleted, changed = in_threads([delete, change])
    assert deleted is None
    assert changed.picture not in (None, last)
    assert [*MediaFile.objects.values_list("pk", flat=True)] == [changed.picture.pk]


def test_a_picture_whose_file_was_just_deleted_is_refused(
    amalia: User, upload: Callable[..., MediaFile], now: datetime.datetime
) -> None:
    media = upload(amalia)
    delete_media(actor=amalia, media=MediaFile.objects.get())
    with pytest.raises(NotFound):
        profile_pictures._change(amalia, amalia, media, now)


def test_a_description_that_somebody_wrote_stays(
    amalia: User, show: Callable[[], MediaFile], now: datetime.datetime
) -> None:
    media = show()
    update_media(actor=amalia, media=media, changes={"alt_text": "Somebody at the sea"}, now=now + MINUTE)
    show()
    _leave(amalia, now)
    assert _texts() == ["Somebody at the sea", ""]
