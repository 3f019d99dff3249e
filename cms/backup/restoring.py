"""Restoring a backup: checked as a whole before anything changes, and then all of it or nothing."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db.migrations.loader import MigrationLoader

from cms.backup.archive import CHUNK_BYTES, DATABASE, check_archive, member_stream, open_archive, read_manifest
from cms.backup.engines import Database, configured_database
from cms.backup.manifest import Manifest
from cms.backup.media import staged_media
from cms.backup.refusals import BackupRefused, refusals
from cms.generations import begin_generation
from cms.scratch import scratch_folder

# The tables of content; a database without rows in any of them is as good as empty.
CONTENT_TABLES = ("cms_user", "cms_post", "cms_tag", "cms_category", "cms_mediafile")
SCRATCH_PREFIX = "tandem-restore-"
Advance = Callable[[int], None]
OnStep = Callable[[str, int | None], Advance]


@dataclass(frozen=True)
class Restored:
    manifest: Manifest
    media_files: int
    pending_migrations: int
    """Migrations of this code that the backup is older than."""


def restore_backup(path: Path, *, is_forced: bool, on_step: OnStep) -> Restored:
    """Replace the database by the backup's, and put its media into place.

    Raises BackupRefused before anything has changed: for a damaged file, another engine, a backup of newer code, and a
    database that holds content unless `is_forced`. Raises RestoreIncomplete if media can't be moved all the same.
    """
    with refusals(f"Restoring {path}"):
        if not path.is_file():
            raise BackupRefused(f"There is no file {path}.")
        check_archive(path, on_step("Verifying bytes", path.stat().st_size))
        with open_archive(path) as tar:
            manifest, database = read_manifest(tar), configured_database()
            pending = _refuse_unfit(manifest, database, is_forced=is_forced)
            unpacking = on_step("Unpacking media", None)
            with staged_media(tar, unpacking) as media, scratch_folder(SCRATCH_PREFIX) as folder:
                dump_file = folder / DATABASE
                with member_stream(tar, DATABASE) as stream, dump_file.open("wb") as target:
                    shutil.copyfileobj(stream, target, CHUNK_BYTES)
                database.verify(dump_file, manifest.dump, on_step("Verifying rows", None))
                database.restore(dump_file, manifest.dump, on_step("Restoring", None))
                begin_generation()
                media.place()
    return Restored(manifest, media.count, pending)


def _refuse_unfit(manifest: Manifest, database: Database, *, is_forced: bool) -> int:
    """Refuse a backup that can't or must not be restored here; return how many migrations it lacks."""
    if manifest.engine != database.engine:
        raise BackupRefused(
            f"This backup is of {manifest.engine}, and DATABASE_URL names a {database.engine} database:"
            " export_content and import_content move content between engines."
        )
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown := sorted(set(manifest.dump.migrations) - known):
        raise BackupRefused(f"This backup is of newer code: this code does not know its migration {unknown[0]}.")
    if not is_forced and (rows := database.rows_of(CONTENT_TABLES)):
        raise BackupRefused(
            f"The database holds content ({rows:,} users, posts, tags, categories and media files); "
            "--force replaces it."
        )
    return len(known - set(manifest.dump.migrations))
