import datetime
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from cms.models import AuditEvent, AuthSession, BrowserSession, MediaFile, User
from cms.policy import SYSTEM
from cms.services.sessions import open_session
from cms.services.user_deletion import delete_user
from cms.services.users import set_password, update_user

PROFILE = "/admin/profile/"
PASSWORD = "an own password 1"


@pytest.fixture(autouse=True)
def _media_root(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def client(author: User, signed_in: Callable[[User], Client]) -> Client:
    set_password(actor=SYSTEM, user=author, password=PASSWORD, now=timezone.now())
    author.refresh_from_db()
    return signed_in(author)


def _picture(name: str = "me.png") -> SimpleUploadedFile:
    content = BytesIO()
    Image.new("RGB", (64, 64), "navy").save(content, "PNG")
    return SimpleUploadedFile(name, content.getvalue(), "image/png")


def test_the_name_and_the_text_are_changed_through_the_service(client: Client, author: User) -> None:
    page = client.post(f"{PROFILE}person/", {"display_name": "Ada L.", "bio": "Two\r\nlines."}, follow=True)
    assert "Your profile was saved." in page.content.decode()
    author.refresh_from_db()
    assert (author.display_name, author.bio) == ("Ada L.", "Two\nlines.")
    assert AuditEvent.objects.filter(action="user.updated", actor=author).count() == 1


def test_a_form_for_no_section_or_an_unknown_one_is_not_found(client: Client) -> None:
    assert [client.post(f"{PROFILE}{section}").status_code for section in ("", "other/")] == [404, 404]


def test_dates_are_shown_in_the_zone_of_their_reader(client: Client, author: User) -> None:
    form = {"time_zone": "Asia/Tokyo", "language": ""}
    assert client.post(f"{PROFILE}preferences/", form).status_code == 302
    AuthSession.objects.create(user=author, expires_at=timezone.now() + datetime.timedelta(days=1))
    AuthSession.objects.update(created_at=datetime.datetime(2026, 5, 1, 20, 0, tzinfo=datetime.UTC))
    assert "2026-05-02 05:00" in client.get(PROFILE).content.decode()
    assert timezone.get_current_timezone_name() == "UTC"


def test_the_language_of_the_user_is_that_of_the_pages(client: Client, author: User) -> None:
    update_user(actor=author, user=author, changes={"language": "ja"}, now=timezone.now())
    assert 'lang="ja"' in client.get(PROFILE).content.decode()
    assert 'lang="en"' in Client().get("/admin/login/").content.decode()


@pytest.mark.parametrize(("name", "value"), [("time_zone", "Moon/Base"), ("language", "tlh")])
def test_an_unknown_zone_or_language_is_refused_at_its_field(client: Client, name: str, value: str) -> None:
    page = client.post(f"{PROFILE}preferences/", {name: value})
    assert name in page.context["forms"]["preferences"].errors
    assert client.get(f"{PROFILE}preferences/").status_code == 302
    assert client.post(f"{PROFILE}nonsense/").status_code == 404


def test_a_zone_that_this_machine_does_not_know_leaves_the_pages_in_the_one_of_the_site(
    client: Client, author: User
) -> None:
    User.objects.filter(pk=author.pk).update(time_zone="Atlantis/Capital", language="xx")
    assert client.get(PROFILE).status_code == 200


def test_another_address_needs_the_password_and_waits(client: Client, author: User) -> None:
    before, address = author.email, "new@example.org"
    page = client.post(f"{PROFILE}address/", {"email": address, "current_password": "wrong one 2"})
    assert "current_password" in page.context["forms"]["address"].errors
    client.post(f"{PROFILE}address/", {"email": address, "current_password": PASSWORD})
    author.refresh_from_db()
    assert (author.email, author.pending_email) == (before, address)
    assert f"<strong>{address}</strong> waits" in client.get(PROFILE).content.decode()


def test_a_picture_takes_the_place_of_the_last_and_goes_with_its_user(
    client: Client, author: User, admin: User
) -> None:
    for _ in range(2):
        client.post(f"{PROFILE}picture/", {"picture": _picture()})
    author.refresh_from_db()
    assert MediaFile.objects.get() == author.picture
    assert f"{author.picture_id}/file/?size=square-160" in client.get(PROFILE).content.decode()
    author.time_zone = "Asia/Tokyo"
    author.save()
    delete_user(actor=admin, user=author, now=timezone.now())
    author.refresh_from_db()
    assert author.picture_id is None
    assert author.time_zone == ""
    assert not MediaFile.objects.exists()


def test_a_document_is_not_a_picture(client: Client, author: User) -> None:
    document = SimpleUploadedFile("me.pdf", b"%PDF-1.4\n%%EOF\n", "application/pdf")
    page = client.post(f"{PROFILE}picture/", {"picture": document})
    assert "picture" in page.context["forms"]["picture"].errors
    assert not MediaFile.objects.exists()
    client.post(f"{PROFILE}picture/", {"picture": _picture()})
    client.post(f"{PROFILE}picture/remove/")
    author.refresh_from_db()
    assert author.picture is None


def test_sessions_are_listed_by_their_browser_and_ended_one_by_one(client: Client, author: User) -> None:
    other = Client(headers={"User-Agent": "Firefox on a borrowed laptop"})
    other.post("/admin/login/", {"username": author.username, "password": PASSWORD})
    open_session(user=author, now=timezone.now())
    page = client.get(PROFILE).content.decode()
    assert "Firefox on a borrowed laptop" in page
    assert "This browser" in page
    for row in BrowserSession.objects.all():
        assert row.session_key not in page
    [borrowed] = [one for one in client.get(PROFILE).context["browsers"] if not one.is_current]
    client.post(f"{PROFILE}browsers/{borrowed.name}/end/")
    assert other.get(PROFILE).status_code == 302
    client.post(f"{PROFILE}sessions/{AuthSession.objects.get().pk}/end/")
    assert AuthSession.objects.get().revoked_at
    assert client.get(PROFILE).status_code == 200


def test_all_other_sessions_end_at_once(client: Client, author: User, signed_in: Any) -> None:
    other = signed_in(author)
    open_session(user=author, now=timezone.now())
    page = client.post(f"{PROFILE}sessions/end-others/", follow=True)
    assert "2 other sessions have ended." in page.content.decode()
    assert other.get(PROFILE).status_code == 302
    assert client.get(PROFILE).status_code == 200


def test_nobody_ends_the_session_of_somebody_else(client: Client, editor: User) -> None:
    open_session(user=editor, now=timezone.now())
    assert client.post(f"{PROFILE}sessions/{AuthSession.objects.get().pk}/end/").status_code == 404
    assert AuthSession.objects.get().revoked_at is None
