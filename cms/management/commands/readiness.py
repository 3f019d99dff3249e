"""`manage.py readiness`: go through the checklist of a deployment."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cms import clock
from cms.environment import PERCENTAGE
from cms.readiness import look_at_all


class Command(BaseCommand):
    help = (
        "Go through the checklist of a deployment and show every item: database, migrations, Redis, media, the proxy,"
        " both versions, the canary's weight and controller, the last rollback drill, deploy settings, backups, disk,"
        " clocks and more. Exit code 1 if an item fails."
    )
    requires_system_checks = ()  # they are an item

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--url",
            help="the address that readers use: call both versions there, and check that a proxy buffers requests",
        )
        parser.add_argument(
            "--weight", type=_weight_bp, dest="weight_bp", metavar="PERCENT", help="the share of v2 that you expect"
        )
        parser.add_argument("--backups", metavar="DIR", help="the folder of the backups, instead of BACKUP_DIR")
        parser.add_argument(
            "--drill-days",
            type=_days,
            default=settings.ROLLBACK_DRILL_DAYS,
            metavar="N",
            help="how many days ago the last rollback may be, instead of ROLLBACK_DRILL_DAYS; 0 skips this item",
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        items = list(look_at_all(clock.now(), options))
        failed = [item.name for item in items if not item.ok]
        if as_json:
            self.stdout.write(json.dumps({"ok": not failed, "items": [asdict(item) for item in items]}))
        else:
            for item in items:
                self.stdout.write(f"{'yes' if item.ok else 'NO ':3}  {item.name:<{16}} {item.detail}")
        if failed:
            raise CommandError(f"Not ready: {', '.join(failed)}.")


def _weight_bp(text: str) -> int:
    if not PERCENTAGE.fullmatch(text) or float(text) > 100:
        raise ArgumentTypeError(f"{text!r} is not a share: use 0 to 100 in plain digits with up to two decimals")
    return round(float(text) * 100)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 3_650:
        raise ArgumentTypeError(f"{text!r} is not a number of days: use 0 to 3650")
    return int(text)
