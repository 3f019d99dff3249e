"""`manage.py prune`: delete rows that are older than their retention settings allow."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from cms import clock
from cms.services.pruning import RULES, count_prunable, prune


class Command(BaseCommand):
    help = (
        "Delete webhook deliveries, finished jobs, expired sessions, ended API keys, stored responses and audit events"
        " that are older than their retention settings allow. Safe at any time, also under traffic. A worker does it"
        " once a day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count the rows and delete nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object with the counts")

    def handle(self, *args: Any, **options: Any) -> None:
        is_dry_run = options["dry_run"]
        try:
            counts = count_prunable(now=clock.now()) if is_dry_run else prune(now=clock.now())
        except DatabaseError as error:
            raise CommandError(f"The database reported an error: {' '.join(str(error).split())}") from error
        if options["json"]:
            self.stdout.write(json.dumps({"is_dry_run": is_dry_run, "deleted": counts}))
            return
        for rule in RULES:
            verb = "would be deleted" if is_dry_run else "deleted"
            self.stdout.write(f"{rule.name.replace('_', ' ')}: {counts[rule.name]} {verb} ({rule.setting})")
