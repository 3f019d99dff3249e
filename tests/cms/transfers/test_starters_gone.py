"""Imports and exports of admins who were suspended, deleted or demoted after they had started them."""

import datetime
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.db.models.signals import post_save
from django.test import Client

from cms.models import ImportRecord, Post, Transfer, User
from cms.policy import SYSTEM
from cms.services.user_deletion import delete_user
from cms.services.users import update_user
from cms.transfers.jobs import run_transfer
from cms.transfers.transfers import start_export, start_import, upload_import

Now = datetime.datetime


@pytest.fixture(autouse=True)
def _media_root(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def bela(make_user: Callable[..., User], admin: User) -> User:
    """An admin besides `admin`."""
    return make_user("admin", username="bela")


def suspend(user: User, now: Now) -> None:
    update_user(actor=SYSTEM, user=user, changes={"is_active": False}, now=now)


def demote(user: User, now: Now) -> None:
    update_user(actor=SYSTEM, user=user, changes={"role": "editor"}, now=now)


def delete(user: User, now: Now) -> None:
    delete_user(actor=SYSTEM, user=user, now=now)


def upload(by: User, now: Now) -> Transfer:
    blog = io.BytesIO()
    with zipfile.ZipFile(blog, "w") as archive:
        for name in ("One", "Two", "Three"):
            archive.writestr(f"{name}.md", f"---\ntitle: {name}\n---\nWords.\n")
    return upload_import(actor=by, file=SimpleUploadedFile("blog.zip", blog.getvalue()), now=now)


def checked(by: User, now: Now) -> Transfer:
    return work(upload(by, now))


def work(transfer: Transfer) -> Transfer:
    run_transfer.call(str(transfer.pk))
    transfer.refresh_from_db()
    return transfer


def export(by: User, now: Now) -> Transfer:
    return start_export(actor=by, now=now)


def begin_import(by: User, now: Now) -> Transfer:
    return start_import(actor=by, transfer=checked(by, now), now=now)


@pytest.mark.parametrize("end", [suspend, demote, delete], ids=lambda end: end.__name__)
@pytest.mark.parametrize("start", [upload, begin_import, export], ids=lambda start: start.__name__)
def test_nothing_is_done_for_who_may_not_transfer_any_more(
    bela: User, admin: User, now: Now, start: Any, end: Any
) -> None:
    transfer = start(bela, now)
    end(bela, now)
    assert work(transfer).state == "failed"
    assert (transfer.file.name, Post.objects.count(), ImportRecord.objects.count()) == ("", 0, 0)
    browser = Client()
    browser.force_login(admin)
    page = browser.get(f"/admin/cms/transfer/{transfer.pk}/change/").content.decode()
    assert "the account that started it was suspended or deleted" in page


def test_an_import_is_of_the_admin_who_has_started_it_and_not_of_who_has_uploaded_it(
    bela: User, admin: User, now: Now
) -> None:
    transfer = start_import(actor=admin, transfer=checked(bela, now), now=now)
    suspend(bela, now)
    assert (work(transfer).state, transfer.started_by, Post.objects.count()) == ("done", admin, 3)


@pytest.fixture
def after_a_post() -> Iterator[Callable[[Callable[[], None]], None]]:
    """`after_a_post(act)`: act as soon as the next post is committed."""
    waiting: list[Callable[[], None]] = []

    def act(created: bool, **_: Any) -> None:
        if created and waiting:
            transaction.on_commit(waiting.pop())

    post_save.connect(act, sender=Post)
    yield waiting.append
    post_save.disconnect(act, sender=Post)


@pytest.mark.django_db(transaction=True)
def test_an_import_ends_with_the_object_at_which_its_admin_was_suspended(
    bela: User, now: Now, after_a_post: Callable[[Callable[[], None]], None]
) -> None:
    transfer = begin_import(bela, now)
    assert transfer.counts["created"] == 4
    after_a_post(lambda: suspend(bela, now))
    assert work(transfer).state == "failed"
    assert Post.objects.count() == 1
    assert (transfer.counts, transfer.remarks, transfer.report.name) == ({}, [], "")  # those were of the check


def test_an_export_is_not_kept_whose_admin_was_suspended_meanwhile(
    bela: User, now: Now, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer, write = export(bela, now), zipfile.ZipFile.write

    def suspend_and_write(*args: Any, **named: Any) -> None:
        suspend(bela, now)
        write(*args, **named)

    monkeypatch.setattr(zipfile.ZipFile, "write", suspend_and_write)
    assert (work(transfer).state, transfer.file.name) == ("failed", "")
    assert not [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
