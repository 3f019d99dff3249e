"""`manage.py check_content`: whether the stored content is whole, and mending it."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from cms import clock
from cms.integrity.running import Outcome, run_checks, select_checks
from cms.management.steps import Steps


class Command(BaseCommand):
    help = (
        "Look for damage in the stored content: dangling references, wrong counts, cycles, impossible states, missing"
        " media and more. Exit code 0 when nothing is wrong, 1 when a finding is left; warnings don't count."
    )
    requires_system_checks = ()  # they open the database, and fail without a sentence when it is down

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--deep", action="store_true", help="also render every text and read every media file again"
        )
        parser.add_argument(
            "--repair", action="store_true", help="mend what can be mended safely, while the site goes on working"
        )
        parser.add_argument(
            "--limit", type=_count, default=20, metavar="N", help="show at most N findings of each check (default 20)"
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *args: Any, deep: bool, repair: bool, limit: int, as_json: bool, **options: Any) -> None:
        checks = select_checks(is_deep=deep)
        try:
            with Steps() as steps:
                advance = steps.begin("Checks", len(checks))
                outcomes = run_checks(
                    checks, now=clock.now(), is_repairing=repair, limit=limit, on_check=lambda check: advance(1)
                )
        except DatabaseError as error:
            raise CommandError(f"The database refused: {' '.join(str(error).split())}") from error
        except OSError as error:
            raise CommandError(f"A media file can't be read: {error.strerror or error}: {error.filename}") from error
        if as_json:
            self.stdout.write(json.dumps(_as_object(outcomes)))
        else:
            self._describe(outcomes)
        left = sum(outcome.left for outcome in outcomes if not outcome.check.is_warning)
        if left:
            hint = "; they need a person." if repair else "; --repair mends what can be mended."
            raise CommandError(f"{left:,} findings are left{hint}")

    def _describe(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.found:
                kind = "warning" if outcome.check.is_warning else f"{outcome.found - outcome.left:,} repaired"
                self.stdout.write(f"{outcome.check.id}: {outcome.found:,} found, {kind}. {outcome.check.sentence}")
                for finding in outcome.findings:
                    self.stdout.write(f"  {finding}")
                if outcome.found > len(outcome.findings):
                    self.stdout.write(f"  and {outcome.found - len(outcome.findings):,} more")
        wrong = sum(bool(outcome.left) for outcome in outcomes)
        self.stdout.write(f"{len(outcomes)} checks, {len(outcomes) - wrong} of them without a finding now.")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ArgumentTypeError(f"{text} is less than 0")
    return number


def _as_object(outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "is_whole": not any(outcome.left for outcome in outcomes if not outcome.check.is_warning),
        "checks": [
            {
                "id": outcome.check.id,
                "sentence": outcome.check.sentence,
                "is_warning": outcome.check.is_warning,
                "found": outcome.found,
                "repaired": outcome.found - outcome.left,
                "left": outcome.left,
                "findings": [
                    {"object": finding.object_type, "id": str(finding.object_id), "text": finding.text}
                    for finding in outcome.findings
                ],
            }
            for outcome in outcomes
        ],
    }
