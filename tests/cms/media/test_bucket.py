"""Media in a bucket: the same to everybody as in a folder; and what is said when the object storage is away or refuses us."""

import datetime
import logging
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from botocore.config import Config
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from cms.integrity.running import run_checks as check_content
from cms.integrity.running import select_checks
from cms.media import bucket as module
from cms.media.outages import MediaUnavailable
from cms.models import AuditEvent, MediaFile, Post, Rendition, User
from cms.readiness import look_at_all
from cms.services.media import upload_media
from tests.api_v2.sending import problem_of, send
from tests.buckets import Bucket
from tests.cms.media.pictures import photograph
from tests.servers import HOST, free_port

HOUR = datetime.timedelta(hours=1)
PHOTO = photograph(size=(400, 300))


@pytest.fixture
def own(client_of: Callable[[User], Client], author: User) -> Client:
    return client_of(author)


@pytest.fixture
def photo(bucket: Bucket, author: User, now: datetime.datetime) -> MediaFile:
    return upload_media(actor=author, upload=[PHOTO], original_name="photo.jpg", fields={}, now=now)


@pytest.fixture
def point_to(settings: Any, bucket: Bucket) -> Callable[..., None]:
    """`point_to(MEDIA_S3_…=value)`: the same bucket, as the settings would name it otherwise."""

    def point(**changed: str) -> None:
        for name, value in bucket.settings(**changed).items():
            setattr(settings, name, value)

    return point


@pytest.fixture
def go_away(point_to: Callable[..., None]) -> Callable[[], None]:
    return lambda: point_to(MEDIA_S3_ENDPOINT_URL=f"http://{HOST}:{free_port()}")


# -- a storage like the other -----------------------------------------------------------------------------------------


def test_a_file_is_kept_found_and_deleted(media_place: Any, now: datetime.datetime) -> None:
    name = "media/2026/11/Straße 写真.txt"
    assert default_storage.save(name, ContentFile(b"one\ntwo\n")) == name
    assert (default_storage.exists(name), default_storage.size(name)) == (True, 8)
    with default_storage.open(name) as file:
        assert (file.size, file.read(3), file.read()) == (8, b"one", b"\ntwo\n")
    assert default_storage.listdir("media/2026/11") == ([], ["Straße 写真.txt"])
    assert default_storage.listdir("media") == (["2026"], [])
    assert abs(default_storage.get_modified_time(name) - now) < HOUR
    assert media_place.names() == [name]
    default_storage.delete(name)
    default_storage.delete(name)
    assert (default_storage.exists(name), media_place.names()) == (False, [])
    for ask in (default_storage.open, default_storage.size, default_storage.get_modified_time):
        with pytest.raises(FileNotFoundError):
            ask(name)


def test_a_file_is_read_without_all_of_it_in_memory(bucket: Bucket) -> None:
    size = 8 * 1024 * 1024
    default_storage.save("media/large.txt", ContentFile(b"x" * size))
    with default_storage.open("media/large.txt") as file:
        tracemalloc.start()
        read = sum(len(chunk) for chunk in iter(lambda: file.read(4096), b""))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert read == size
    assert peak < size / 8


def test_a_reader_that_leaves_early_leaves_the_storage_usable(bucket: Bucket) -> None:
    default_storage.save("media/large.txt", ContentFile(b"x" * 1024 * 1024))
    for _ in range(3):
        with default_storage.open("media/large.txt") as file:
            assert file.read(2) == b"xx"


def test_a_file_has_no_address_beside_ours(bucket: Bucket, photo: MediaFile) -> None:
    with pytest.raises(ValueError, match="no address"):
        _ = photo.file.url


def test_no_name_leaves_the_prefix(bucket: Bucket) -> None:
    for name in ("../outside.txt", "media/../../../outside.txt"):
        with pytest.raises(Exception, match=r"path traversal|denied"):
            default_storage.save(name, ContentFile(b"x"))
    assert bucket.names() == []


def test_a_folder_copied_into_a_bucket_is_served_and_checked_as_before(
    own: Client, author: User, a_store: Any, settings: Any, tmp_path: Any, now: datetime.datetime
) -> None:
    settings.MEDIA_ROOT = tmp_path
    media = upload_media(actor=author, upload=[PHOTO], original_name="photo.jpg", fields={}, now=now)
    paths = [f"/media/{media.pk}/content", f"/media/{media.pk}/renditions/square-160"]
    before = [(answer.headers["ETag"], answer.getvalue()) for answer in (send(own, "get", path) for path in paths)]
    bucket = a_store.new_bucket()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            bucket.write(path.relative_to(tmp_path).as_posix(), path.read_bytes())
            path.unlink()
    for name, value in bucket.settings().items():
        setattr(settings, name, value)
    assert [(a.headers["ETag"], a.getvalue()) for a in (send(own, "get", path) for path in paths)] == before
    assert _findings(now + 2 * HOUR) == {}
    assert Rendition.objects.count() == 1


def _findings(now: datetime.datetime) -> dict[str, list[str]]:
    checks = [
        check for check in select_checks(is_deep=True) if check.id in ("media_files", "media_bytes", "stray_files")
    ]
    outcomes = check_content(checks, now=now, is_repairing=False)
    assert len(outcomes) == 3
    return {outcome.check.id: [str(finding) for finding in outcome.findings] for outcome in outcomes if outcome.found}


def test_the_integrity_check_finds_lost_changed_and_stray_files(
    bucket: Bucket, author: User, now: datetime.datetime
) -> None:
    lost, short, changed = (
        upload_media(actor=author, upload=[b"four"], original_name=f"{n}.txt", fields={}, now=now) for n in range(3)
    )
    bucket.delete(lost.file.name)
    bucket.write(short.file.name, b"xy")
    bucket.write(changed.file.name, b"five"[::-1])
    bucket.write("renditions/2026/11/stray.webp", b"x")
    found = _findings(now + 2 * HOUR)
    assert len(found["media_files"]) == len(found["media_bytes"]) == 2
    assert "has no file" in " ".join(found["media_files"])
    assert len(found["stray_files"]) == 1
    assert "stray_files" not in _findings(now)  # an upload writes its file before its row


# -- away, or refusing ------------------------------------------------------------------------------------------------


def test_while_it_is_away_files_get_a_503_and_all_else_goes_on(
    own: Client, photo: MediaFile, go_away: Callable[[], None], bucket: Bucket
) -> None:
    shown = send(own, "get", f"/media/{photo.pk}/content")
    assert shown.getvalue() == bucket.read(photo.file.name)
    etag = shown.headers["ETag"]
    go_away()
    for tail, method, headers in (
        ("content", "get", {}),
        ("content", "head", {}),
        ("content", "get", {"If-None-Match": etag}),
        ("renditions/width-320", "get", {}),
    ):
        answer = send(own, method, f"/media/{photo.pk}/{tail}", **headers)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        if method == "get":
            assert problem_of(answer) == (503, "unavailable")
            assert answer.json()["detail"] == "The file storage can't be reached."
    assert send(own, "get", f"/media/{photo.pk}").status_code == 200
    assert send(own, "patch", f"/media/{photo.pk}", {"caption": "x"}).status_code == 200
    assert not Rendition.objects.exists()
    assert bucket.names() == [photo.file.name]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
@pytest.mark.django_db(transaction=True)
def test_an_upload_that_fails_leaves_nothing_and_is_repeated_with_success(
    own: Client, bucket: Bucket, go_away: Callable[[], None], point_to: Callable[..., None], headers: Any
) -> None:
    def upload() -> Any:
        return own.post("/api/v2/media", {"file": SimpleUploadedFile("photo.jpg", PHOTO)}, headers=headers)

    go_away()
    answer = upload()
    assert (problem_of(answer), answer.headers["Retry-After"]) == ((503, "unavailable"), "1")
    assert (MediaFile.objects.count(), AuditEvent.objects.filter(action="media.uploaded").count()) == (0, 0)
    point_to()
    assert upload().status_code == 201
    assert bucket.names() == [MediaFile.objects.get().file.name]


def test_the_integrity_check_says_so_in_a_sentence(photo: MediaFile, go_away: Callable[[], None]) -> None:
    go_away()
    with pytest.raises(CommandError, match=r"^A media file can't be read: .*Could not connect.*: media/"):
        call_command("check_content")


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_deleted_meanwhile_is_gone_and_its_bytes_are_found_later(
    own: Client, photo: MediaFile, bucket: Bucket, go_away: Callable[[], None], point_to: Any, now: datetime.datetime
) -> None:
    go_away()
    assert send(own, "delete", f"/media/{photo.pk}").status_code == 204
    assert not MediaFile.objects.exists()
    point_to()
    assert bucket.names() == [photo.file.name]
    assert list(_findings(now + 2 * HOUR)) == ["stray_files"]


def test_the_admin_site_says_so_in_words(
    author: User, photo: MediaFile, go_away: Callable[[], None], make_post: Callable[..., Post]
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(author)
    add = "/admin/cms/mediafile/add/"
    assert client.get(add).status_code == 200
    go_away()
    file = SimpleUploadedFile("photo.jpg", PHOTO)
    for answer in (
        client.post(add, {"file": file, "alt_text": "", "caption": ""}),
        client.get(f"/admin/cms/mediafile/{photo.pk}/file/"),
    ):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert b"file storage" in answer.content
    assert MediaFile.objects.count() == 1


class Silent:
    """A server that takes connections, and answers nothing until it is told to, then 404."""

    def __init__(self) -> None:
        self.socket = socket.create_server((HOST, 0))
        self.url = f"http://{HOST}:{self.socket.getsockname()[1]}"
        self.accepted = threading.Semaphore(0)
        self.may_answer = threading.Event()
        self.count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.recv(65_536)
            self.accepted.release()
            self.may_answer.wait()
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.may_answer.set()
    server.socket.close()


def test_one_thread_waits_for_a_silent_storage_and_others_are_refused_at_once(
    silent: Silent, point_to: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = Config(read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1})
    monkeypatch.setattr(module, "_CLIENT", module._CLIENT.merge(impatient))
    point_to(MEDIA_S3_ENDPOINT_URL=silent.url)
    with pytest.raises(MediaUnavailable, match="Read timeout"):
        default_storage.exists("media/a")
    assert silent.accepted.acquire(timeout=10)
    with ThreadPoolExecutor(1) as pool:
        trial = pool.submit(storages["default"].exists, "media/a")
        assert silent.accepted.acquire(timeout=10)
        for _ in range(5):
            with pytest.raises(MediaUnavailable, match="can't be reached"):
                default_storage.exists("media/a")
        assert silent.count == 2
        silent.may_answer.set()
        assert trial.result() is False
    assert default_storage.exists("media/a") is False
    assert silent.count == 3


def test_half_of_the_threads_wait_for_a_slow_storage_and_others_are_refused_soon(
    silent: Silent, point_to: Callable[..., None], settings: Any
) -> None:
    point_to(MEDIA_S3_ENDPOINT_URL=silent.url)
    half = settings.WEB_THREADS // 2
    with ThreadPoolExecutor(half) as pool:
        waiting = [pool.submit(storages["default"].exists, f"media/{number}") for number in range(half)]
        for _ in range(half):
            assert silent.accepted.acquire(timeout=10)
        with pytest.raises(MediaUnavailable, match="is slow"):
            default_storage.exists("media/a")
        assert silent.count == half
        silent.may_answer.set()
        assert [one.result() for one in waiting] == [False] * half
    assert default_storage.exists("media/a") is False


def test_a_burst_waits_and_a_crowd_that_lasts_is_refused_soon(
    bucket: Bucket, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BURST_S", 1.0)
    storage = module.BucketStorage(**settings.STORAGES["default"]["OPTIONS"])
    storage.save("media/a.txt", ContentFile(b"x"))
    waits_s = []
    with ExitStack() as files:
        for _ in range(settings.WEB_THREADS // 2):
            files.enter_context(storage.open("media/a.txt"))
        for _ in range(3):
            began_s = time.monotonic()
            with pytest.raises(MediaUnavailable, match="is slow"):
                storage.open("media/a.txt")
            waits_s.append(time.monotonic() - began_s)
    assert waits_s[0] >= module.PLACE_S + 1.0
    assert max(waits_s[1:]) < waits_s[0]
    with storage.open("media/a.txt") as file:
        assert file.read() == b"x"


def test_a_file_that_is_read_keeps_a_place_until_it_is_closed(bucket: Bucket, settings: Any) -> None:
    """Its bytes may come as slowly as its headers."""
    half = settings.WEB_THREADS // 2
    default_storage.save("media/large.txt", ContentFile(b"x" * 1024 * 1024))
    with ExitStack() as files:
        for _ in range(half):
            assert files.enter_context(default_storage.open("media/large.txt")).read(1) == b"x"
        with pytest.raises(MediaUnavailable, match="is slow"):
            default_storage.open("media/large.txt")
    unclosed = [default_storage.open("media/large.txt") for _ in range(half)]
    unclosed.clear()
    assert default_storage.exists("media/large.txt")
    with pytest.raises(FileNotFoundError):
        default_storage.open("media/none.txt")
    assert len([default_storage.open("media/large.txt") for _ in range(half)]) == half


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"MEDIA_S3_SECRET_ACCESS_KEY": "wrong-wrong-wrong"}, "SignatureDoesNotMatch"),
        ({"MEDIA_S3_ACCESS_KEY_ID": "AKIAWRONG"}, "InvalidAccessKeyId"),
        ({"MEDIA_S3_BUCKET": "test-not-there"}, "NoSuchBucket"),
        ({"MEDIA_S3_BUCKET": "of-somebody-else"}, "AccessDenied"),
    ],
    ids=["secret", "key", "no bucket", "not ours"],
)
def test_what_is_wrong_is_said_by_the_check_and_the_checklist_and_in_the_log(
    own: Client,
    photo: MediaFile,
    point_to: Callable[..., None],
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    changed: dict[str, str],
    said: str,
) -> None:
    secret = changed.get("MEDIA_S3_SECRET_ACCESS_KEY") or django_settings.MEDIA_S3["MEDIA_S3_SECRET_ACCESS_KEY"]
    point_to(**changed)
    settings.READINESS_CHECKS = {"media": settings.READINESS_CHECKS["media"]}
    [message] = [found for found in run_checks(include_deployment_checks=True) if found.id == "cms.E001"]
    [item] = look_at_all(photo.created_at, {})
    with caplog.at_level(logging.INFO):
        assert problem_of(send(own, "get", f"/media/{photo.pk}/content")) == (503, "unavailable")
    assert not item.ok
    for text in (message.msg, item.detail, caplog.text):
        assert said in text
        assert secret not in text
    assert "Traceback" not in caplog.text


def test_credentials_are_looked_for_by_the_sdk_until_there_are_some(
    bucket: Bucket, point_to: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    key_id, secret = bucket.store.keys["tandem"]
    point_to(MEDIA_S3_ACCESS_KEY_ID="", MEDIA_S3_SECRET_ACCESS_KEY="")
    with pytest.raises(MediaUnavailable, match="Unable to locate credentials"):
        default_storage.exists("media/a")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    assert default_storage.exists("media/a") is False


@pytest.mark.django_db  # another check looks for accounts
def test_a_bucket_that_answers_passes_both_and_keeps_nothing_of_it(bucket: Bucket, settings: Any) -> None:
    settings.READINESS_CHECKS = {"media": settings.READINESS_CHECKS["media"]}
    assert not [found for found in run_checks(include_deployment_checks=True) if found.id == "cms.E001"]
    [item] = look_at_all(datetime.datetime.now(datetime.UTC), {})
    assert item.ok, item.detail
    assert bucket.name in item.detail
    assert bucket.names() == []
