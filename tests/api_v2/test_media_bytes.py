"""The bytes of media and their renditions, for those who may see them."""

import datetime
import errno
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.test import Client
from PIL import Image

from cms.costs.turns import Bounded, Places
from cms.http.unavailable import is_away
from cms.models import MediaFile, Post, Rendition
from cms.policy import SYSTEM
from cms.services.post_states import publish_post, trash_post
from tests.api_v2.sending import problem_of, send
from tests.api_v2.uploading import PDF, bytes_of, look, upload

PUBLIC, PRIVATE = "public, max-age=0, must-revalidate", "private, no-cache"
pytestmark = pytest.mark.usefixtures("media_root")
on_both = pytest.mark.usefixtures("media_place")


def addresses(photo: MediaFile) -> list[str]:
    return [f"/media/{photo.pk}{tail}" for tail in ("", "/content", "/renditions/width-320")]


@on_both
def test_a_file_is_seen_as_long_as_a_post_that_shows_it(
    client: Client, own: Client, photo: MediaFile, make_post: Callable[..., Post], now: datetime.datetime
) -> None:
    post = make_post(featured_image=photo, is_published=False)
    assert [look(client, "get", path).status_code for path in addresses(photo)] == [404] * 3
    assert send(client, "get", "/media").json()["data"] == []
    assert [look(own, "get", path).headers["Cache-Control"] for path in addresses(photo)] == [PRIVATE] * 3
    publish_post(actor=SYSTEM, post=post, now=now)
    shown = [look(client, "get", path) for path in addresses(photo)]
    assert [(one.status_code, one.headers["Cache-Control"]) for one in shown] == [(200, PUBLIC)] * 3
    assert shown[0].json()["uploaded_by"] is None
    assert [row["id"] for row in send(client, "get", "/media").json()["data"]] == [str(photo.pk)]
    trash_post(actor=SYSTEM, post=post, now=now)
    for path, answer in zip(addresses(photo), shown, strict=True):
        known = {"If-None-Match": answer.headers["ETag"]}
        for method in ("get", "head"):
            assert send(client, method, path, **known).status_code == 404


@on_both
def test_the_bytes_are_sent_so_that_nothing_in_them_runs(own: Client, photo: MediaFile) -> None:
    answer = send(own, "get", f"/media/{photo.pk}/content", Accept="image/*")
    content = bytes_of(answer)
    assert Image.open(io.BytesIO(content)).size == (400, 300)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert (answer.headers["Content-Type"], answer.headers["Content-Length"]) == ("image/jpeg", str(len(content)))
    assert answer.headers["Content-Disposition"] == 'inline; filename="photo.jpg"'
    pdf = upload(own, PDF, 'a "b"\r\nX: y.pdf').json()
    shown = own.get(pdf["links"]["content"])
    assert bytes_of(shown) == PDF
    assert shown.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "\n" not in shown.headers["Content-Disposition"]
    assert pdf["links"]["renditions"] == {}
    text = own.get(upload(own, b"alert(1)", "a.html").json()["links"]["content"])
    assert bytes_of(text) == b"alert(1)"
    assert text.headers["Content-Disposition"] == 'attachment; filename="a.html.txt"'
    assert (text.headers["Content-Type"], text.headers["X-Content-Type-Options"]) == ("text/plain", "nosniff")


@on_both
@pytest.mark.parametrize("tail", ["content", "renditions/square-160"])
def test_bytes_have_validators_and_a_head(own: Client, photo: MediaFile, tail: str) -> None:
    path = f"/media/{photo.pk}/{tail}"
    answer = send(own, "get", path)
    etag, size = answer.headers["ETag"], len(bytes_of(answer))
    head = send(own, "head", path)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(size))
    unchanged = send(own, "get", path, **{"If-None-Match": f'"x", W/{etag}'})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (304, b"", etag)
    assert problem_of(send(own, "get", path, Accept="text/html")) == (406, "not-acceptable")
    assert problem_of(send(own, "get", f"{path}?width=1")) == (400, "invalid-parameter")


@on_both
def test_a_rendition_is_made_once_in_an_allowed_size(own: Client, photo: MediaFile) -> None:
    for _ in range(2):
        answer = send(own, "get", f"/media/{photo.pk}/renditions/square-160")
        assert Image.open(io.BytesIO(bytes_of(answer))).size == (160, 160)
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Content-Disposition"] == 'inline; filename="photo-square-160.webp"'
    assert Rendition.objects.count() == 1
    for spec in ("square-161", "width-320.webp", "%2E%2E"):
        assert problem_of(send(own, "get", f"/media/{photo.pk}/renditions/{spec}")) == (404, "not-found")
    assert Rendition.objects.count() == 1


def test_a_picture_that_finds_no_place_is_503_with_a_time_to_come_back(
    own: Client, photo: MediaFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Bounded("pictures are worked on", at_once=1, patience_s=0, places=Places(1))
    for module in ("cms.services.media", "cms.media.preparing"):
        monkeypatch.setattr(f"{module}.PICTURES", busy)
    with busy.turn():
        for answer in (send(own, "get", f"/media/{photo.pk}/renditions/square-160"), upload(own)):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert answer.json()["detail"].startswith("Too many pictures are worked on at once.")
    assert bytes_of(send(own, "get", f"/media/{photo.pk}/renditions/square-160"))[:4] == b"RIFF"
    assert (MediaFile.objects.count(), Rendition.objects.count()) == (1, 1)


class FullDisk(FileSystemStorage):
    def _save(self, name: str, content: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", name)


def test_what_finds_no_space_on_the_disk_is_503_and_leaves_nothing(
    own: Client, photo: MediaFile, settings: Any
) -> None:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.FullDisk"}}
    for answer in (upload(own), send(own, "get", f"/media/{photo.pk}/renditions/square-160")):
        assert problem_of(answer) == (503, "unavailable")
        assert answer.headers["Retry-After"] == "1"
        assert answer.json()["detail"] == "The server can't store more files."
        assert is_away(answer)
    assert (MediaFile.objects.count(), Rendition.objects.count()) == (1, 0)


def test_a_document_has_no_renditions(own: Client) -> None:
    pk = upload(own, PDF, "a.pdf").json()["id"]
    assert problem_of(send(own, "get", f"/media/{pk}/renditions/width-320")) == (404, "not-found")


def test_bytes_that_are_gone_are_a_404(own: Client, photo: MediaFile, media_place: Any) -> None:
    media_place.delete(photo.file.name)
    for method in ("get", "head"):
        assert send(own, method, f"/media/{photo.pk}/content").status_code == 404
    assert problem_of(send(own, "get", f"/media/{photo.pk}/renditions/width-320")) == (404, "not-found")


def test_the_etag_of_what_is_cut_follows_the_focal_point(own: Client, photo: MediaFile) -> None:
    paths = [f"/media/{photo.pk}/renditions/{spec}" for spec in ("square-160", "width-320")]
    before = [look(own, "get", path).headers["ETag"] for path in paths]
    send(own, "patch", f"/media/{photo.pk}", {"focal_point": {"x": 0, "y": 0}})
    after = [look(own, "get", path).headers["ETag"] for path in paths]
    assert before[0] != after[0]
    assert before[1] == after[1]
