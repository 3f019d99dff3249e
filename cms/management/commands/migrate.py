"""`manage.py migrate`: Django's own, which also makes a backup, shows a dry run and seeds an empty database."""

import argparse
import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from cms import clock
from cms.backup.making import make_backup
from cms.backup.refusals import BackupRefused, NothingToBackUp
from cms.management.commands.backup import describe_backup
from cms.management.commands.seed import describe_demo
from cms.management.lock_waits import migrate_in_short_waits
from cms.management.steps import Steps
from cms.seeding.demo import default_password, is_empty, seed_demo


class Command(MigrateCommand):
    help = (
        "Apply the migrations. On a command line and without an app label, also seed demo content into an empty"
        " database (no users, no posts), unless --no-seed is given."
    )

    is_typed = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--no-seed", action="store_true", help="leave an empty database empty")
        parser.add_argument("--dry-run", action="store_true", help="print the plan and its SQL, change nothing")
        parser.add_argument(
            "--backup",
            type=Path,
            metavar="PATH",
            help="if there are migrations to apply, first write a verified backup to PATH (see `backup`)",
        )
        parser.add_argument(
            "--lock-timeout",
            type=_seconds,
            default=2.0,
            metavar="SECONDS",
            help="PostgreSQL: how long one try waits for a lock, while readers queue behind it (default: 2)",
        )
        parser.add_argument(
            "--lock-wait",
            type=_seconds,
            default=600.0,
            metavar="SECONDS",
            help="PostgreSQL: how long to wait and try again in all before giving up (default: 600)",
        )

    def run_from_argv(self, argv: list[str]) -> None:
        # Only what somebody typed may seed: tests and other programs come through call_command.
        self.is_typed = True
        super().run_from_argv(argv)

    def execute(self, *args: Any, **options: Any) -> str | None:
        # Around the system checks too: they open the database.
        is_dry_run = options.get("dry_run", False)
        with _no_new_file(connections[options["database"]]) if is_dry_run else contextlib.nullcontext():
            return super().execute(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        if options.pop("dry_run"):
            self._print_plan(options)
            return
        backup_path: Path | None = options.pop("backup")
        if backup_path is not None and not (options["plan"] or options["check_unapplied"]):
            self._back_up(backup_path, options)
        is_seeding = self.is_typed and not options.pop("no_seed") and not self._is_partial(options)
        self._migrate(*args, **options)
        if is_seeding and is_empty():
            self._seed()

    def _migrate(self, *args: Any, lock_timeout: float, lock_wait: float, **options: Any) -> None:
        run = functools.partial(super().handle, *args, **options)
        alias: str = options["database"]
        if connections[alias].vendor == "postgresql":
            migrate_in_short_waits(alias, run, try_s=lock_timeout, bound_s=lock_wait, say=self._say)
        else:
            run()

    def _say(self, sentence: str) -> None:
        self.stdout.write("")  # ends the line "Applying …"
        self.stderr.write(sentence, self.style.WARNING)

    def _back_up(self, path: Path, options: dict[str, Any]) -> None:
        connection = connections[options["database"]]
        executor = MigrationExecutor(connection)
        if not executor.migration_plan(self._targets(executor, options)):
            self.stdout.write("There is nothing to apply, so no backup was made.")
            return
        try:
            with Steps() as steps:
                backup = make_backup(path, now=clock.now(), on_step=steps.begin)
        except NothingToBackUp as nothing:
            self.stdout.write(f"{nothing.message} So no backup was made.")
            return
        except BackupRefused as error:
            raise CommandError(f"Nothing was applied. {error.message}") from error
        self.stdout.write(describe_backup(backup))

    def _seed(self) -> None:
        self.stdout.write("The database is empty: seeding demo content (--no-seed leaves it empty).")
        self.stdout.write(describe_demo(seed_demo(password=default_password(), now=clock.now())))

    @staticmethod
    def _is_partial(options: dict[str, Any]) -> bool:
        """Whether these options ask for something else than the whole of the migrations."""
        return bool(
            options["app_label"] or options["plan"] or options["check_unapplied"] or options["fake"] or options["prune"]
        )

    def _print_plan(self, options: dict[str, Any]) -> None:
        connection = connections[options["database"]]
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(self._targets(executor, options))
        if not plan:
            self.stdout.write("No migrations to apply.")
        for migration, is_backwards in plan:
            self.stdout.write(self.style.MIGRATE_HEADING(f"-- {migration}{' (backwards)' if is_backwards else ''}"))
            state = executor.loader.project_state((migration.app_label, migration.name), at_end=False)
            with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
                step = migration.unapply if is_backwards else migration.apply
                step(state, editor, collect_sql=True)
            for statement in editor.collected_sql:
                self.stdout.write(statement)

    @staticmethod
    def _targets(executor: MigrationExecutor, options: dict[str, Any]) -> list[Any]:
        app_label, name = options["app_label"], options["migration_name"]
        leaves: list[Any] = executor.loader.graph.leaf_nodes()
        if not app_label:
            return leaves
        if name == "zero":
            return [(app_label, None)]
        if name:
            return [executor.loader.get_migration_by_prefix(app_label, name)]
        return [node for node in leaves if node[0] == app_label]


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0.001 <= (seconds := float(text)) <= 1_000_000:
            return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.001 to 1000000.")


@contextlib.contextmanager
def _no_new_file(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Take away a new file: looking into an SQLite database that isn't there makes one."""
    path = Path(str(connection.settings_dict["NAME"]))
    is_new = connection.vendor == "sqlite" and not path.exists()
    yield
    if is_new:
        connection.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
