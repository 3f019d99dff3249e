"""A picture that a post shows outlives its account, and the name of the person does not."""

import datetime
import io
from collections.abc import Callable

import pytest
from django.test import Client

from cms.models import AuditEvent, MediaFile, Post, User
from cms.policy import SYSTEM
from cms.services.media import update_media
from cms.services.profile_pictures import set_profile_picture
from cms.services.user_deletion import delete_user
from cms.services.users import update_user
from tests.cms.media.pictures import photograph

NAME = "Amalia Kranz"
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def amalia(make_user: Callable[..., User], media_root: None) -> User:
    return make_user("author", username="amalia", display_name=NAME)


@pytest.fixture
def show(amalia: User, make_post: Callable[..., Post], now: datetime.datetime) -> Callable[[], MediaFile]:
    """Set a new picture, and show it in a public post."""

    def make() -> MediaFile:
        upload = io.BytesIO(photograph(size=(40, 30)))
        user = set_profile_picture(actor=amalia, user=amalia, upload=upload, original_name="me.jpg", now=now)
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


def test_a_description_that_somebody_wrote_stays(
    amalia: User, show: Callable[[], MediaFile], now: datetime.datetime
) -> None:
    media = show()
    update_media(actor=amalia, media=media, changes={"alt_text": "Somebody at the sea"}, now=now + MINUTE)
    show()
    _leave(amalia, now)
    assert _texts() == ["Somebody at the sea", ""]
