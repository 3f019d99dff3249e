"""Importing and exporting at the admin site; the worker's part is called as a worker calls it."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cms import limits
from cms.models import AuditEvent, Job, Post, Transfer, User
from cms.transfers.jobs import run_transfer

LIST, ADD = "/admin/cms/transfer/", "/admin/cms/transfer/add/"
WXR = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:wp="http://wordpress.org/export/1.2/">
<channel><title>Old blog</title><link>https://old.example.org</link><wp:wxr_version>1.2</wp:wxr_version>
<wp:base_site_url>https://old.example.org</wp:base_site_url>
<item><title>Harbour notes</title><dc:creator>ada</dc:creator><content:encoded><![CDATA[<p>Words.</p>]]></content:encoded>
<wp:post_id>7</wp:post_id><wp:post_name>harbour-notes</wp:post_name><wp:status>publish</wp:status>
<wp:post_type>post</wp:post_type><wp:post_date_gmt>2019-05-01 10:00:00</wp:post_date_gmt></item>
</channel></rss>
"""


@pytest.fixture(autouse=True)
def _media_root(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def client(admin: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(admin)


def _upload(client: Client, name: str, content: bytes | str) -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(ADD, {"file": SimpleUploadedFile(name, data), "_save": "1"})


def _work() -> Transfer:
    transfer = Transfer.objects.get()
    run_transfer.call(str(transfer.pk))
    transfer.refresh_from_db()
    return transfer


def _zip(files: dict[str, str], method: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target.getvalue()


def test_an_upload_is_checked_shown_and_imported(client: Client) -> None:
    page = _upload(client, "blog.xml", WXR)
    transfer = Transfer.objects.get()
    assert page.url == f"{LIST}{transfer.pk}/change/"
    assert Job.objects.get(queue_name="transfers").args == [str(transfer.pk)]
    assert "A worker checks" in client.get(page.url).content.decode()
    assert _work().state == "checked"
    assert not Post.objects.exists()
    shown = client.get(page.url).content.decode()
    assert "The import would do this" in shown
    assert "hx-get" not in client.get(f"{LIST}{transfer.pk}/progress/").content.decode()
    client.post(f"{LIST}{transfer.pk}/start/")
    done = _work()
    assert (done.state, done.counts["created"], done.counts["failed"]) == ("done", 2, 0)
    assert Post.objects.get().slug == "harbour-notes"
    assert not done.file
    report = json.loads(b"".join(client.get(f"{LIST}{transfer.pk}/report/").streaming_content))  # type: ignore[attr-defined]
    assert report["counts"] == done.counts
    actions = AuditEvent.objects.filter(object_type="transfer").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["transfer.uploaded", "transfer.started"]


def test_a_broken_export_is_refused_in_a_sentence_that_names_the_line(client: Client) -> None:
    _upload(client, "blog.xml", WXR.replace("</item>", "</itme>"))
    failed = _work()
    assert failed.state == "failed"
    assert failed.message == "blog.xml is not well-formed XML: line 8: mismatched tag."
    assert failed.message in client.get(f"{LIST}{failed.pk}/change/").content.decode()
    assert default_storage.listdir("transfers")[1] == []


def test_a_zip_of_markdown_is_recognised_and_a_second_one_finds_its_posts(client: Client) -> None:
    content = _zip({"blog/one.md": "---\ntitle: One\n---\nWords.\n", "__MACOSX/blog/._one.md": "x"})
    for created in (1, 0):
        _upload(client, "blog.zip", content)
        assert _work().state == "checked"
        client.post(f"{LIST}{Transfer.objects.get().pk}/start/")
        assert _work().state == "done"
        assert Post.objects.count() == 1
        transfer = Transfer.objects.get()
        assert (transfer.counts["created"] > 0) is bool(created)
        client.post(f"{LIST}{transfer.pk}/remove/")
        assert not Transfer.objects.exists()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.zip", _zip({"../../evil.md": "x"}), "an address beside its folder"),
        ("a.zip", _zip({"a/" * 60 + "one.md": "x"}), "a file in more than 49 folders"),
        ("a.zip", _zip({"a": "x", "a/b.md": "x"}), "a.zip is not a zip that can be read: [Errno 17] File exists: 'a'."),
        ("a.zip", _zip({"n" * 300: "x"}), "a.zip is not a zip that can be read: [Errno 36] File name too long: 'nnn"),
        ("a.zip", b"PK\x03\x04nonsense", "is not a zip that can be read"),
        ("a.json", "{}", "a.json is JSON but no Ghost export"),
    ],
)
def test_an_upload_that_can_not_be_read_says_why_without_the_folders_of_the_worker(
    client: Client, name: str, content: Any, sentence: str
) -> None:
    _upload(client, name, content)
    failed = _work()
    assert (failed.state, sentence in failed.message, "/tmp" in failed.message) == ("failed", True, False)


def test_an_archive_that_unpacks_to_too_much_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_UNPACKED_BYTES_MAX", 100)
    _upload(client, "a.zip", _zip({"one.md": "x" * 101}))
    assert "unpacks to more than" in _work().message


@pytest.mark.parametrize("text", ["", "x"])
@pytest.mark.parametrize(("missing_bytes", "state"), [(0, "checked"), (1, "failed")])
def test_the_folders_of_an_archive_take_their_blocks_of_what_it_may_unpack_to(
    client: Client, monkeypatch: pytest.MonkeyPatch, text: str, missing_bytes: int, state: str
) -> None:
    """A zip of 570 KB named 98,000 folders within the addresses of its files: 400 MB, of which none was counted."""
    files = {f"{number}/{'d/' * 40}one.md": text for number in range(10)}
    monkeypatch.setattr(limits, "IMPORT_UNPACKED_BYTES_MAX", 10 * (41 * 4_096 + len(text)) - missing_bytes)
    _upload(client, "a.zip", _zip(files))
    done = _work()
    assert (done.state, "unpacks to more than" in done.message) == (state, bool(missing_bytes))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_file_that_python_unpacks_without_bound_is_refused_by_name(client: Client, method: int) -> None:
    _upload(client, "a.zip", _zip({"one.md": "x" * 1_000}, method))
    message = _work().message
    assert f"'one.md' by method {method}" in message
    assert "pack the zip again with Deflate" in message


def test_an_archive_that_names_vastly_many_folders_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_FILES_MAX", 4)
    _upload(client, "a.zip", _zip({f"{number}/": "" for number in range(12)} | {"one.md": "x"}))
    assert "holds more than 4 files and their folders" in _work().message


def test_a_damaged_stream_is_refused_in_a_sentence(client: Client) -> None:
    content = bytearray(_zip({"one.md": "".join(map(str, range(1_000)))}, zipfile.ZIP_DEFLATED))
    content[36:136] = b"\xff" * 100
    _upload(client, "a.zip", bytes(content))
    assert "is not a zip that can be read" in _work().message


@pytest.mark.parametrize(("name", "content"), [("a.exe", b"x"), ("a.xml", b"")])
def test_a_file_of_another_kind_is_refused_at_its_field(client: Client, name: str, content: bytes) -> None:
    page = _upload(client, name, content)
    assert "file" in page.context["adminform"].form.errors
    assert not Transfer.objects.exists()


def test_an_export_is_written_by_a_worker_and_read_back(client: Client, make_post: Callable[..., Post]) -> None:
    make_post(title="Kept")
    assert client.get(f"{LIST}new-export/").status_code == 200
    client.post(f"{LIST}export/")
    done = _work()
    assert (done.state, done.counts["posts"]) == ("done", 1)
    body = b"".join(client.get(f"{LIST}{done.pk}/file/").streaming_content)  # type: ignore[attr-defined]
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert [post["title"] for post in json.loads(archive.read("tandem.json"))["posts"]] == ["Kept"]
    client.post(f"{LIST}{done.pk}/remove/")
    _upload(client, "tandem.zip", body)
    checked = _work()
    assert (checked.state, checked.counts["created"]) == ("checked", 0)


def test_an_upload_makes_nobody_more_than_an_author_and_the_page_names_the_role(client: Client) -> None:
    mallory = {"username": "mallory", "email": "m@example.org", "role": "admin", "is_active": True}
    _upload(client, "a.json", json.dumps({"format": "tandem", "version": 1, "users": [mallory], "posts": []}))
    shown = client.get(f"{LIST}{_work().pk}/change/").content.decode()
    assert "mallory becomes an author" in shown
    client.post(f"{LIST}{Transfer.objects.get().pk}/start/")
    assert _work().state == "done"
    user = User.objects.get(username="mallory")
    assert (user.role, user.has_usable_password()) == ("author", False)


def test_a_kept_report_is_bounded_and_counts_the_rest(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_REPORT_BYTES_MAX", 2_000)
    members = ", ".join(f'"a{number}": 1' for number in range(50))
    _upload(client, "a.json", f'{{"format": "tandem", "version": 1, "posts": [{{"title": "A", {members}}}]}}')
    checked = _work()
    body = b"".join(client.get(f"{LIST}{checked.pk}/report/").streaming_content)  # type: ignore[attr-defined]
    items = json.loads(body)["items"]
    assert checked.remark_count > 50 > len(items) == len(checked.remarks)
    assert items[-1]["reason"].startswith(f"{checked.remark_count - len(items) + 1} more values")
    assert len(body) < 3_000
    assert b"/tmp" not in body


def test_what_a_worker_has_in_hand_is_neither_started_twice_nor_deleted(client: Client) -> None:
    _upload(client, "blog.xml", WXR)
    transfer = Transfer.objects.get()
    for verb in ("start", "remove"):
        client.post(f"{LIST}{transfer.pk}/{verb}/")
    transfer.refresh_from_db()
    assert transfer.state == "checking"
    Job.objects.update(status="dead")
    assert "The worker gave up" in client.get(f"{LIST}{transfer.pk}/change/").content.decode()
    client.post(f"{LIST}{transfer.pk}/remove/")
    assert not Transfer.objects.exists()


def test_admins_alone_import_and_export(editor: User, signed_in: Callable[[User], Client], admin: User) -> None:
    client = signed_in(editor)
    transfer = Transfer.objects.create(kind="export", state="done", original_name="x.zip", started_by=admin)
    for verb in ("change", "progress", "report", "file"):
        assert client.get(f"{LIST}{transfer.pk}/{verb}/", follow=True).status_code == 403
    for verb in (f"{transfer.pk}/start/", f"{transfer.pk}/remove/", "export/", "add/"):
        assert client.post(f"{LIST}{verb}").status_code == 403
    assert Transfer.objects.count() == 1


HALF_AN_EMOJI = r'{"format": "tandem", "version": 1, "posts": [{"id": "y1", "title": "plain", "zzz": "\ud83d x"}]}'


@pytest.mark.parametrize("name", ["half.json", f"{'漢' * 120}.json"], ids=len)
def test_a_report_is_shown_whatever_text_an_export_and_its_name_have(name: str, client: Client) -> None:
    page = _upload(client, name, HALF_AN_EMOJI)
    transfer = _work()
    assert transfer.state == "checked", transfer.message
    assert client.get(page.url).status_code == 200
    assert client.get(f"{LIST}{transfer.pk}/progress/").status_code == 200
