"""Files without a row, and rows without their file."""

import datetime
import os
from typing import Any

from django.core.management import call_command

from cms.models import MediaFile, Transfer, User
from tests.cms.integrity.conftest import Run


def test_media_without_their_file_and_files_without_their_row(
    author: User, check: Run, tmp_path: Any, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    values: Any = {"mime_type": "image/png", "sha256": "0" * 64, "uploaded_by": author, "size_bytes": 3}
    for name, data in (("right", b"abc"), ("short", b"ab")):
        MediaFile.objects.create(file=f"media/{name}.png", original_name=f"{name}.png", **values)
        (tmp_path / "media").mkdir(exist_ok=True)
        (tmp_path / "media" / f"{name}.png").write_bytes(data)
    MediaFile.objects.create(file="media/gone.png", original_name="gone.png", **values)
    (tmp_path / "media" / "stray.png").write_bytes(b"x")
    found = check(later_s=4_000)
    assert sorted(f.text for f in found["media_files"].findings) == [
        "has 3 bytes, but media/short.png has 2",
        "has no file at media/gone.png",
    ]
    assert found["media_bytes"].found == 2
    assert [f.object_id for f in found["stray_files"].findings] == ["media/stray.png"]


def test_files_of_imports_and_exports_without_their_row_are_found(
    author: User, check: Run, tmp_path: Any, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    values: Any = {"started_by": author, "created_at": datetime.datetime(2026, 5, 31, 23, tzinfo=datetime.UTC)}
    done = Transfer.objects.create(kind="export", state="done", original_name="a.zip", **values)
    running = Transfer.objects.create(kind="import", state="running", original_name="a.MD", **values)
    folder = tmp_path / "transfers/2026/05"
    folder.mkdir(parents=True)
    for name in ("file", "report"):
        setattr(done, name, f"transfers/2026/05/recorded-{name}")
        (folder / f"recorded-{name}").write_bytes(b"x")
    done.save()
    for transfer in (done, running):
        for end in (".md", ".zip", "-report.json", "_XqUratn.zip"):
            (folder / f"{transfer.pk.hex}{end}").write_bytes(b"x")
    assert "stray_files" not in check("stray_files", later_s=60)
    found = {finding.object_id for finding in check("stray_files", later_s=4_000)["stray_files"].findings}
    strays = {(done, ".md"), (done, ".zip"), (done, "-report.json"), (done, "_XqUratn.zip")}
    strays |= {(running, ".zip"), (running, "_XqUratn.zip")}
    assert found == {f"transfers/2026/05/{transfer.pk.hex}{end}" for transfer, end in strays}


def test_a_stray_whose_name_is_not_utf_8_is_named_by_its_bytes(
    check: Run, tmp_path: Any, settings: Any, capsys: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    path = tmp_path / os.fsdecode(b"media/f\xf6lder/\xff\xfe")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    os.utime(path, (0, 0))
    found = check("stray_files")["stray_files"].findings
    assert [finding.object_id for finding in found] == [r"media/f\xf6lder/\xff\xfe"]
    call_command("check_content")
    assert r"file media/f\xf6lder/\xff\xfe belongs to no row" in capsys.readouterr().out


def test_links_in_the_media_folder_lead_nowhere(check: Run, tmp_path: Any, settings: Any) -> None:
    """A backup leaves them out too."""
    settings.MEDIA_ROOT = tmp_path / "root"
    elsewhere = tmp_path / "elsewhere"
    for folder in (elsewhere, settings.MEDIA_ROOT / "media"):
        folder.mkdir(parents=True)
        (folder / "stray.png").write_bytes(b"x")
    for name, target in (("out", elsewhere), ("loop", "."), ("file", elsewhere / "stray.png"), ("gone", "nowhere")):
        (settings.MEDIA_ROOT / "media" / name).symlink_to(target)
    found = check("stray_files", later_s=4_000)["stray_files"].findings
    assert [finding.object_id for finding in found] == ["media/stray.png"]
