"""`manage.py backup`: the whole site in one verified file."""

import dataclasses
import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cms import clock
from cms.backup.making import Backup, make_backup
from cms.backup.refusals import BackupRefused
from cms.management.interruption import stopped_in_order
from cms.management.steps import Steps


class Command(BaseCommand):
    help = (
        "Write the whole site, database and media files as of this moment, to one file and verify it by checksum and"
        " row counts. Servers can keep running. `restore PATH` brings the site back. The file does not contain"
        " SECRET_KEY: keep a copy of that elsewhere."
    )
    requires_system_checks = ()  # a backup is what one wants most when something is wrong

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="the file to write; an existing backup is replaced")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *args: Any, path: Path, as_json: bool, **options: Any) -> None:
        started = time.monotonic()
        try:
            with stopped_in_order(), Steps() as steps:
                backup = make_backup(path, now=clock.now(), on_step=steps.begin)
        except BackupRefused as error:
            raise CommandError(error.message) from error
        except KeyboardInterrupt as error:
            raise CommandError("Interrupted; nothing was written.") from error
        duration_s = round(time.monotonic() - started, 2)
        self.stdout.write(
            json.dumps(as_object(backup, duration_s)) if as_json else f"{describe_backup(backup)} {duration_s:g} s."
        )


def as_object(backup: Backup, duration_s: float) -> dict[str, Any]:
    return {
        "path": str(backup.path),
        "size_bytes": backup.size_bytes,
        "sha256": backup.sha256,
        "media_files": backup.media_files,
        "duration_s": duration_s,
        "engine": backup.manifest.engine,
        "created_at": backup.manifest.created_at,
        **dataclasses.asdict(backup.manifest.dump),
    }


def describe_backup(backup: Backup) -> str:
    tables = backup.manifest.dump.tables
    return (
        f"Backup {backup.path}: {backup.size_bytes:,} bytes, {sum(tables.values()):,} rows in {len(tables)} tables,"
        f" {backup.media_files:,} media files, verified."
    )
