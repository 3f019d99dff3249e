"""`manage.py export_content`: write all content in a form that `import_content` reads back."""

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from cms.exporters.target import TargetRefused, new_file, new_folder, snapshot
from cms.exporters.writing import DOCUMENT, write_json, write_markdown
from cms.management.progress import Progress
from cms.models import MediaFile, Post

COUNTED = ("users", "categories", "tags", "posts", "comments", "redirects")


class Command(BaseCommand):
    help = (
        "Write all content to a new folder: users, categories, tags, posts and pages in every state, comments,"
        " redirects. `import_content` reads it back. Passwords and keys are never written; media, revisions and the"
        " audit trail are in a backup only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path",
            type=Path,
            metavar="PATH",
            help="a new or empty folder; with --format json also a new .json file",
        )
        parser.add_argument(
            "--format",
            choices=["json", "markdown"],
            required=True,
            help="json: one document;"
            " markdown: one file per post with YAML front matter, the rest in JSON files beside it",
        )
        parser.add_argument("--json", action="store_true", help="print the counts as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        try:
            with snapshot():
                counts = self._write(path, options["format"])
                media = MediaFile.objects.count()
        except TargetRefused as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"The database reported an error: {' '.join(str(error).split())}") from error
        except KeyboardInterrupt as error:
            raise CommandError("Interrupted; nothing was left behind.") from error
        self._print_summary(path, {name: counts[name] for name in COUNTED}, media, is_json=options["json"])

    def _write(self, path: Path, format_name: str) -> Counter[str]:
        progress = Progress("Posts", sys.stderr, total=Post.objects.count())
        if format_name == "markdown":
            with new_folder(path) as folder:
                counts = write_markdown(folder, advance=progress.advance)
        elif path.suffix == ".json" and not path.is_dir():
            with new_file(path) as document:
                counts = write_json(document, advance=progress.advance)
        else:
            with new_folder(path) as folder:
                counts = write_json(folder / DOCUMENT, advance=progress.advance)
        progress.finish()
        return counts

    def _print_summary(self, path: Path, counts: dict[str, int], media: int, *, is_json: bool) -> None:
        if is_json:
            self.stdout.write(json.dumps({"path": str(path), "counts": counts, "not_exported": {"media": media}}))
            return
        self.stdout.write(f"Exported to {path}: {', '.join(f'{count} {name}' for name, count in counts.items())}.")
        if media:
            self.stdout.write(f"Not exported: {media} media files. `manage.py backup` includes them.")
