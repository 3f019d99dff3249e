"""`manage.py seed`: demo content, and any amount of bulk content."""

import argparse
import sys
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cms import clock
from cms.errors import InvalidInput
from cms.management.progress import Progress
from cms.seeding.accounts import ACCOUNTS
from cms.seeding.bulk import seed_bulk_posts, seed_bulk_users
from cms.seeding.bulk_comments import seed_bulk_comments
from cms.seeding.demo import default_password, is_demo, is_empty, seed_demo, set_demo_passwords


class Command(BaseCommand):
    help = (
        "Fill the database with demo content: users of every role, posts in many languages, threads, category trees."
        " Running it again adds only what is missing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--posts", type=_count, default=0, metavar="N", help="add N bulk posts")
        parser.add_argument("--comments", type=_count, default=0, metavar="N", help="add N comments under bulk posts")
        parser.add_argument("--users", type=_count, default=0, metavar="N", help="add N bulk users")
        parser.add_argument("--rng-seed", type=int, default=1, metavar="N", help="seed of the bulk content (default 1)")
        parser.add_argument("--force", action="store_true", help="also fill a database that has content of its own")
        parser.add_argument(
            "--demo-password-stdin",
            action="store_true",
            help="read the password of the demo accounts from standard input (needed on PostgreSQL to sign in as them)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["force"] or is_empty() or is_demo()):
            raise CommandError("The database has content of its own; --force adds the demo content to it.")
        now = clock.now()
        given = self._read_password() if options["demo_password_stdin"] else None
        try:
            made = seed_demo(password=given or default_password(), now=now)
            if given and not made["users"]:
                set_demo_passwords(given, now)
        except InvalidInput as error:
            raise CommandError(f"Nothing was seeded: {error.message}") from error
        self.stdout.write(describe_demo(made))
        rng_seed = options["rng_seed"]
        # In this order: posts have authors, and comments have posts.
        for noun, seed in (
            ("users", partial(seed_bulk_users, rng_seed=rng_seed)),
            ("posts", partial(seed_bulk_posts, rng_seed=rng_seed, now=now)),
            ("comments", partial(seed_bulk_comments, rng_seed=rng_seed)),
        ):
            if count := options[noun]:
                progress = Progress(noun.capitalize(), sys.stderr, total=count)
                done = seed(count, advance=progress.advance)
                progress.finish()
                self.stdout.write(f"Bulk: {done} {noun}.")

    @staticmethod
    def _read_password() -> str:
        password = sys.stdin.readline().rstrip("\n")
        if not password:
            raise CommandError("Standard input held no password.")
        return password


def describe_demo(made: dict[str, int]) -> str:
    """Return a sentence on what was made, and how to sign in."""
    if not any(made.values()):
        return "Demo content: it is complete already."
    counts = ", ".join(f"{count} {noun}" for noun, count in made.items())
    text = f"Demo content: {counts}."
    if made["users"]:
        names = ", ".join(ACCOUNTS)
        text += f"\nDemo accounts: {names}."
        if password := default_password():
            return f"{text} Password: {password}"
        text += " They have no password: set one by `manage.py seed --demo-password-stdin`."
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > 100_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 100000000")
    return int(text)
