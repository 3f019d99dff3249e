"""No column of any table holds the name, the address or the IP of a user who was deleted, but for those named here."""

import datetime
import io
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from canary.models import ConsumerUsage
from canary.services.life import notify
from cms.accounts.sessions import SessionStore
from cms.jobs.execution import run_job
from cms.jobs.queue import claim_job
from cms.models import Comment, ImportRecord, Invitation, LinkedIdentity, Post, Transfer, User
from cms.policy import SYSTEM
from cms.services import erasing
from cms.services.comments import delete_comment
from cms.services.groups import create_group, set_groups
from cms.services.invitations import invite_user
from cms.services.origin import Origin, set_origin
from cms.services.personal_traces import erase_traces
from cms.services.post_states import trash_post
from cms.services.profile_pictures import set_profile_picture
from cms.services.trash import purge_post
from cms.services.users import update_user
from tests.cms.media.pictures import photograph

pytestmark = pytest.mark.django_db
IP: Final = "203.0.113.77"
PASSWORD: Final = "a long enough pass-phrase"
ACCOUNT: Final = {
    "username": "amalia_k",
    "email": "amalia.old@example.org",
    "first_name": "Amalia",
    "last_name": "Kranzova",
}
PROFILE: Final = {"display_name": "Amelie Kranz", "bio": "Gardenerette", "email": "amalia@example.org"}
KEY: Final = {
    "name": "Laptopette",
    "contact_email": "phone.kranz@example.org",
    "scopes": ["posts:read", "rollout:ramp"],
}
PICTURES: Final = ("first-of-amelia.jpg", "second-of-amelia.jpg")
NEEDLES: Final = (
    *(IP, *ACCOUNT.values(), *PROFILE.values(), KEY["name"], KEY["contact_email"], "amelia_k", *PICTURES),
)
WRITTEN: Final = "what somebody has written stays, under “deleted user”"
ALLOWED: Final = {
    ("cms_comment", "text"): WRITTEN,
    (
        "cms_importrecord",
        "external_id",
    ): "by it another import of the source knows that this person is not to be made again",
}
HELD: Final = {
    *{("cms_user", name) for name in ("username", "email", "first_name", "last_name", "display_name", "bio")},
    *{("cms_auditevent", name) for name in ("before", "after", "ip")},
    *{("cms_apikey", name) for name in ("name", "contact_email")},
    *{("cms_comment", name) for name in ("author_name", "author_email")},
    *{("cms_importrecord", "original"), ("cms_job", "errors"), ("cms_storedanswer", "body")},
    ("cms_invitation", "email"),
    ("cms_mediafile", "original_name"),
    ("cms_linkedidentity", "subject"),
    ("cms_browsersession", "session_data"),
    ("cms_transfer", "remarks"),
    *ALLOWED,
}
"""Where the test has put something, or it would prove little."""


class RefusingMailServer(BaseEmailBackend):
    """As smtplib has it, the error names the address."""

    def send_messages(self, messages: Any) -> int:
        raise OSError({address: (550, b"no such box") for message in messages for address in message.to})


def held() -> dict[tuple[str, str], set[str]]:
    """Table and column of each value that holds a needle, with the needles."""
    found: dict[tuple[str, str], set[str]] = {}
    for table, column, text in _values():
        if words := {needle for needle in map(str, NEEDLES) if needle.lower() in text}:
            found.setdefault((table, column), set()).update(words)
    return found


def _values() -> Iterator[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description or ()]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    is_bytes = isinstance(value, bytes | memoryview)
                    text = bytes(value).decode(errors="replace") if is_bytes else str(value)
                    if column == "session_data":  # packed and signed
                        text = str(SessionStore().decode(text))
                    yield table, column, text.lower()


@pytest.fixture
def amalia(
    make_user: Callable[..., User], settings: Any, tmp_path: Path, now: datetime.datetime
) -> tuple[User, Client]:
    """An admin with a life, and her client: every door that keeps something has been used."""
    settings.MEDIA_ROOT, settings.COMMENTS_BY_GUESTS = tmp_path, True
    settings.MAILERS = {"default": {"BACKEND": f"{__name__}.{RefusingMailServer.__name__}"}}
    make_user("admin", username="chief")
    client = Client(REMOTE_ADDR=IP)
    amalia = _register(client)
    login = {"username": ACCOUNT["username"], "password": PASSWORD}
    assert Client(REMOTE_ADDR=IP).post("/admin/login/?next=/admin/", login).status_code == 302
    _live(client, amalia)
    _ramp(client)
    usage: dict[str, Any] = {"day": now.date(), "route": "GET /posts", "calls": 1, "last_seen_at": now}
    ConsumerUsage.objects.create(kind="user", identifier=str(amalia.pk), **usage)
    notify(actor="cli:root", reason="v1 ends", expected_version=None, now=now)
    _be_recorded_by_others(amalia, make_user("editor"), now)
    return amalia, client


def _send(client: Client, path: str, body: Any = None, method: str = "post", **headers: str) -> Any:
    data = json.dumps(body or {})
    answer = getattr(client, method)(path, data=data, content_type="application/json", headers=headers)
    set_origin(Origin())  # as at the end of a request in a server
    assert answer.status_code < 300, (path, answer.content)
    return answer.json() if answer.content else None


def _register(client: Client) -> User:
    _send(client, "/api/v2/users", {**ACCOUNT, "password": PASSWORD}, **{"Idempotency-Key": "1"})
    amalia = update_user(
        actor=SYSTEM, user=User.objects.get(username="amalia_k"), changes={"role": "admin"}, now=timezone.now()
    )
    login = {"email": ACCOUNT["email"], "password": PASSWORD}
    token = _send(client, "/api/v2/auth/token", login)["access_token"]
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return amalia


def _live(client: Client, amalia: User) -> None:
    _send(client, "/api/v2/me", {**PROFILE, "current_password": PASSWORD}, "patch")
    update_user(actor=SYSTEM, user=amalia, changes={"email": PROFILE["email"]}, now=timezone.now())
    _send(client, f"/api/v2/users/{amalia.pk}", {"username": "amelia_k"}, "patch")
    _send(client, "/api/v2/api-keys", KEY, **{"Idempotency-Key": "5"})
    post = _send(client, "/api/v2/posts", {"title": "A", "content": "b", "tags": ["c"]}, **{"Idempotency-Key": "2"})
    _send(client, f"/api/v2/posts/{post['id']}", {"title": "A, again"}, "patch")
    _send(client, f"/api/v2/posts/{post['id']}/actions/publish")
    _send(client, f"/api/v2/posts/{post['id']}/comments", {"text": "By Amelie Kranz"}, **{"Idempotency-Key": "3"})
    client.post("/api/v2/media", {"file": SimpleUploadedFile("a.txt", b"text")})
    for name in PICTURES:
        upload = io.BytesIO(photograph(size=(40, 30)))
        set_profile_picture(actor=amalia, user=amalia, upload=upload, original_name=name, now=timezone.now())
    set_groups(actor=amalia, user=amalia, groups=[create_group(actor=amalia, fields={"name": "on call"})])


def _ramp(client: Client) -> None:
    changes: Any = {
        "set": {"percent": 5},
        "allow": {"action": "add", "identity": "client:shop"},
    }
    for version, (verb, values) in enumerate(changes.items()):
        _send(client, f"/canary/api/{verb}", {"reason": "for the test", "expected_version": version, **values})


def _be_recorded_by_others(amalia: User, editor: User, now: datetime.datetime) -> None:
    client = Client()
    client.force_login(editor)
    comment = Comment.objects.get()
    Comment.objects.update(status="pending")
    client.get("/admin/")
    token = {"X-CSRFToken": client.cookies["csrftoken"].value, "Idempotency-Key": "4"}
    _send(client, f"/api/v2/comments/{comment.pk}/actions/approve", **token)
    guest: Any = {"text": "As a guest", "author_name": "Amelie Kranz", "author_email": "Amalia@example.org"}
    path = f"/api/v2/posts/{Post.objects.get().pk}/comments"
    said = _send(Client(REMOTE_ADDR=IP), path, guest, **{"Idempotency-Key": "6"})
    _send(client, f"/api/v2/comments/{said['id']}/actions/approve", **{**token, "Idempotency-Key": "7"})
    invite_user(actor=SYSTEM, email=ACCOUNT["email"], role="author", admin_url="https://example.org/admin/", now=now)
    Invitation.objects.update(accepted_by=amalia)
    Invitation.objects.create(email="Amalia@Example.org", expires_at=now)
    LinkedIdentity.objects.create(user=amalia, issuer="https://login.example", subject="amelia_k")
    _import(amalia.pk, editor)
    while job := claim_job(worker="w", now=timezone.now() + datetime.timedelta(seconds=1)):
        run_job(job, clock=timezone.now)


def _import(person: uuid.UUID, admin: User) -> Transfer:
    """As if an import of the admin site had made the account, under another name."""
    original = {"username": "amelia_k"}
    ImportRecord.objects.create(
        source="s", object_type="user", external_id="amelia_k", object_id=person, digest="d", original=original
    )
    remark = {"object": "user amelia_k", "field": "username", "original": "amelia.k", "value": "amelia_k"}
    report = default_storage.save("transfers/report.json", ContentFile(json.dumps([remark])))
    told = {"report": report, "remarks": [remark], "remark_count": 1}
    return Transfer.objects.create(kind="import", state="done", original_name="a.xml", started_by=admin, **told)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_imported", [True, False])
def test_reports_of_imports_go_with_an_account_that_an_import_has_made(
    make_user: Callable[..., User], settings: Any, tmp_path: Path, *, is_imported: bool
) -> None:
    settings.MEDIA_ROOT = tmp_path
    chief, person = make_user("admin"), make_user("author")
    transfer = _import(person.pk if is_imported else uuid.uuid4(), chief)
    report = str(transfer.report.name)
    with transaction.atomic():
        erase_traces(person.pk)
    transfer.refresh_from_db()
    told = (bool(transfer.report), bool(transfer.remarks), transfer.remark_count, default_storage.exists(report))
    assert told == ((False, False, 0, False) if is_imported else (True, True, 1, True))


@pytest.mark.django_db(transaction=True)
def test_a_report_goes_too_that_a_killed_worker_has_stored_before_its_row(
    make_user: Callable[..., User], settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    person = make_user("author")
    transfer = _import(person.pk, make_user("admin"))
    Transfer.objects.update(report="", remarks=[], state="running")
    name = f"transfers/{transfer.created_at.astimezone(datetime.UTC):%Y/%m}/{transfer.pk.hex}-report.json"
    default_storage.save(name, ContentFile("amelia.k"))
    with transaction.atomic():
        erase_traces(person.pk)
    assert not default_storage.exists(name)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("goes", ["by itself", "with its post"])
def test_a_comment_that_is_deleted_holds_nothing_of_its_guest(
    make_user: Callable[..., User], make_post: Callable[..., Post], settings: Any, now: datetime.datetime, goes: str
) -> None:
    """By its e-mail address, which goes with the deletion, nobody would find it when the person is deleted."""
    settings.COMMENTS_BY_GUESTS = True
    admin, post = make_user("admin"), make_post()
    guest = {"text": "As a guest", "author_name": "Amelie Kranz", "author_email": "amalia@example.org"}
    path = f"/api/v2/posts/{post.pk}/comments"
    said = _send(Client(REMOTE_ADDR=IP), path, guest, **{"Idempotency-Key": "1"})
    assert held().keys() > {("cms_auditevent", "ip"), ("cms_storedanswer", "body")}
    if goes == "by itself":
        delete_comment(actor=admin, comment=Comment.objects.get(pk=said["id"]), now=now)
    else:
        purge_post(actor=admin, post=trash_post(actor=admin, post=post, now=now), now=now)
    assert held() == {}


@pytest.mark.parametrize("at_once", [erasing.AT_ONCE, 1], ids=["at once", "in a job"])
def test_no_column_holds_anything_of_a_deleted_person(
    amalia: tuple[User, Client], monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(erasing, "AT_ONCE", at_once)
    user, client = amalia
    before = held()
    assert before.keys() == HELD
    assert {needle for needles in before.values() for needle in needles} == {str(needle) for needle in NEEDLES}
    User.objects.filter(pk=user.pk).update(email_verified=True)
    _send(client, f"/api/v2/users/{user.pk}", {"current_password": PASSWORD}, "delete")
    assert (held().keys() == ALLOWED.keys()) == (at_once > 1)
    while job := claim_job(worker="w", now=timezone.now() + datetime.timedelta(seconds=1)):
        run_job(job, clock=timezone.now)
    assert held().keys() == ALLOWED.keys()
