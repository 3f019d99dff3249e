"""The checklist's items about this machine, its disks and settings: backups, room, `check --deploy`."""

import datetime
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.checks import WARNING, run_checks

from cms.backup.archive import check_archive, is_archive, open_archive, read_manifest
from cms.backup.engines import media_root

BACKUP_AGE_MAX: Final = datetime.timedelta(days=1)
LOOKED_AT_MAX: Final = 1_000
"""Files whose mode is looked at."""

Wanted = Mapping[str, Any]


def deploy_settings(now: datetime.datetime, wanted: Wanted) -> tuple[bool, str]:
    """Run `check --deploy` without the checks that `SILENCED_SYSTEM_CHECKS` gives a reason for."""
    found = run_checks(include_deployment_checks=True)
    bad = [message for message in found if message.level >= WARNING and not message.is_silenced()]
    if bad:
        return False, " ".join(f"{message.id}: {message.msg.partition('. ')[0].rstrip('.')}." for message in bad)
    return True, "`check --deploy` finds nothing."


def backups(now: datetime.datetime, wanted: Wanted) -> tuple[bool, str]:
    """Check that the newest backup, by what the backups themselves say, is whole to the last byte."""
    folder = _backup_folder(wanted)
    if folder is None:
        return False, "Neither BACKUP_DIR nor --backups names the folder of the backups."
    made = {path: _made_at(path) for path in folder.iterdir() if is_archive(path)}
    if not made:
        return False, f"{folder} holds no backup."
    newest = max(made, key=lambda path: made[path])
    age = now - made[newest]
    told = f"{newest.name} was made {age.total_seconds() / 3600:.1f} hours ago"
    if age > BACKUP_AGE_MAX:
        return False, f"{told}; a day is allowed."
    check_archive(newest, lambda done: None)
    return True, f"{told} and is whole."


def disk(now: datetime.datetime, wanted: Wanted) -> tuple[bool, str]:
    free_mb = {path: shutil.disk_usage(path).free // 1_000_000 for path in sorted({*_written_to(wanted)})}
    least = min(free_mb, key=lambda path: free_mb[path])
    told = f"{free_mb[least]:,} MB are free at {least}; at least {settings.DISK_FREE_MIN_MB:,} are needed."
    return free_mb[least] >= settings.DISK_FREE_MIN_MB, told


def files_are_private(now: datetime.datetime, wanted: Wanted) -> tuple[bool, str]:
    """SQLite's file and the media: hidden files and session keys are for no other user of the machine."""
    for path in islice(_private_files(), LOOKED_AT_MAX):
        if path.stat().st_mode & stat.S_IROTH:
            return False, f"Every user of this machine can read {path}: chmod o-rwx."
    return True, "No other user of this machine can read the database or the media."


def _private_files() -> Iterator[Path]:
    if settings.IS_SQLITE:
        yield from filter(Path.is_file, [Path(settings.DATABASES["default"]["NAME"])])
    if (root := media_root()) is not None:
        yield from (path for path in root.rglob("*") if path.is_file())


def _backup_folder(wanted: Wanted) -> Path | None:
    folder = wanted.get("backups") or settings.BACKUP_DIR
    return Path(folder) if folder else None


def _made_at(path: Path) -> datetime.datetime:
    with open_archive(path) as tar:
        return datetime.datetime.fromisoformat(read_manifest(tar).created_at)


def _written_to(wanted: Wanted) -> Iterator[Path]:
    """Yield folders that exist: one that isn't there yet will be made on the disk of its nearest parent."""
    database = settings.DATABASES["default"]
    folders = [media_root(), Path(tempfile.gettempdir()), _backup_folder(wanted)]
    folders.append(Path(database["NAME"]).parent if settings.IS_SQLITE else None)
    for folder in filter(None, folders):
        yield next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
