"""`manage.py restore`: restore a backup into the database and the media folder."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cms.backup.refusals import BackupRefused
from cms.backup.restoring import restore_backup
from cms.management.interruption import stopped_in_order
from cms.management.steps import Steps

# It is not known here which of the two: the signal may have come between the last row and the answer.
INTERRUPTED = (
    "Interrupted: the database has either all of its earlier content or all of the backup. Run the command again."
)


class Command(BaseCommand):
    help = (
        "Restore a backup into a database that is absent, empty, or migrated and without content. The command verifies"
        " the file before it changes anything, and restores all of it or nothing."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="a file that `backup` wrote")
        parser.add_argument(
            "--force", action="store_true", help="replace the content of the database, which is then lost"
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *args: Any, path: Path, force: bool, as_json: bool, **options: Any) -> None:
        started = time.monotonic()
        try:
            with stopped_in_order(), Steps() as steps:
                restored = restore_backup(path, is_forced=force, on_step=steps.begin)
        except BackupRefused as error:
            raise CommandError(error.message) from error
        except KeyboardInterrupt as error:
            raise CommandError(INTERRUPTED) from error
        dump, duration_s = restored.manifest.dump, round(time.monotonic() - started, 2)
        if as_json:
            summary = {
                "engine": restored.manifest.engine,
                "created_at": restored.manifest.created_at,
                "tables": dump.tables,
                "media_files": restored.media_files,
                "pending_migrations": restored.pending_migrations,
                "duration_s": duration_s,
            }
            self.stdout.write(json.dumps(summary))
            return
        self.stdout.write(
            f"Restored the backup of {restored.manifest.created_at}: {sum(dump.tables.values()):,} rows in"
            f" {len(dump.tables)} tables, {restored.media_files:,} media files, verified. {duration_s:g} s."
        )
        if restored.pending_migrations:
            self.stdout.write("The backup is older than this code: run `manage.py migrate`.")
