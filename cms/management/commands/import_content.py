"""`manage.py import_content`: import content of other systems; the report lists the values that had to change."""

import contextlib
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from cms import clock
from cms.importers.formats import AUTO, FORMATS, open_sources
from cms.importers.pipeline import import_source
from cms.importers.report import Report, refuse_unwritable
from cms.importers.rolled_back import rolled_back
from cms.importers.sources import Source, SourceUnreadable

BAR_WIDTH = 40
ENTRIES_BETWEEN_LINES = 1_000


class Command(BaseCommand):
    help = (
        "Import a WordPress export, a Ghost export, a folder of Markdown files, or an export by export_content."
        " You can repeat an import: it skips what it has imported before."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="a file or a folder")
        parser.add_argument(
            "--format", choices=[AUTO, *FORMATS], default=AUTO, help="what PATH holds (default: %(default)s)"
        )
        parser.add_argument("--dry-run", action="store_true", help="report what would be done and change nothing")
        parser.add_argument(
            "--trust-roles",
            action="store_true",
            help="give new users the roles above author, and the verified addresses, that PATH names:"
            " only for exports of your own sites",
        )
        parser.add_argument("--report", type=Path, metavar="FILE", help="where to write the report, as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with Report() as report:
                self._run(options, report)
        except SourceUnreadable as error:
            raise CommandError(_shown(str(error))) from error
        except DatabaseError as error:
            raise CommandError(_shown(f"The database reported an error: {' '.join(str(error).split())}")) from error
        except KeyboardInterrupt as error:
            raise CommandError("Interrupted; run the same command again to continue.") from error

    def _run(self, options: dict[str, Any], report: Report) -> None:
        target: Path | None = options["report"]
        is_dry_run: bool = options["dry_run"]
        if target is not None:
            refuse_unwritable(target)
        sources = open_sources(options["path"], options["format"])
        with rolled_back() if is_dry_run else contextlib.nullcontext():
            for source in sources:
                self._import(source, report, trusts_roles=options["trust_roles"])
        if target is not None:
            report.write(target)
        self._print_summary(report, target, is_dry_run=is_dry_run)

    def _import(self, source: Source, report: Report, *, trusts_roles: bool) -> None:
        progress = Progress(self.stderr) if sys.stderr.isatty() else Lines(self.stdout)
        now = clock.now()
        import_source(source, report=report, now=now, trusts_roles=trusts_roles, on_progress=progress.show)
        progress.end()

    def _print_summary(self, report: Report, target: Path | None, *, is_dry_run: bool) -> None:
        counts = ", ".join(f"{number} {outcome}" for outcome, number in report.counts.items())
        self.stdout.write(f"{'Dry run, nothing was changed' if is_dry_run else 'Done'}: {counts}.")
        if target is not None:
            self.stdout.write(f"{report.item_count} values were changed or not stored; {target} lists them.")
            return
        for item in report.items():
            where = f"{item['source']}:{item['line']}: {item['object']}"
            change = f"{item['field']}: {_short(item['original'])} -> {_short(item['value'])}: {item['reason']}"
            self.stdout.write(_shown(f"{where}: {change}"))


class Progress:
    """A bar that is drawn over itself."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._shown = -1

    def show(self, source: Source) -> None:
        percent = 100 * source.done // max(1, source.total)
        if percent != self._shown:
            self._shown = percent
            filled = BAR_WIDTH * percent // 100
            self._stream.write(
                f"\r[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {percent:3d} %", style_func=str, ending=""
            )
            self._stream.flush()

    def end(self) -> None:
        if self._shown >= 0:
            self._stream.write("", style_func=str)


class Lines:
    """A line now and then, for logs."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._entries = 0

    def show(self, source: Source) -> None:
        self._entries += 1
        if self._entries % ENTRIES_BETWEEN_LINES == 0:
            percent = 100 * source.done // max(1, source.total)
            self._stream.write(f"{self._entries} objects, {percent} % of {_shown(source.name)}")

    def end(self) -> None:
        """Nothing is left to be finished."""


def _shown(text: str) -> str:
    """Return the text with escapes for control characters: a terminal obeys those in a file's name."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _short(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= 60 else f"{text[:59]}…")
