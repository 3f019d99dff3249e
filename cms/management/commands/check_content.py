"""`manage.py check_content`: check the stored content for damage and repair it."""

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
        " media and more. Exit code 0 if nothing is wrong, 1 if findings remain; warnings don't count."
    )
    requires_system_checks = ()  # they open the database, and fail without a sentence when it is down

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--deep", action="store_true", help="also render every text and read every media file again"
        )
        parser.add_argument(
            "--repair", action="store_true", help="repair what is safe to repair; the site can keep running"
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
            raise CommandError(f"The database reported an error: {' '.join(str(error).split())}") from error
        except OSError as error:
            raise CommandError(f"A media file can't be read: {error.strerror or error}: {error.filename}") from error
        if as_json:
            self.stdout.write(json.dumps(_as_object(outcomes)))
        else:
            self._describe(outcomes)
        left = sum(outcome.left for outcome in outcomes if not outcome.check.is_warning)
        if left:
            hint = "; a person has to resolve them." if repair else "; --repair repairs what is safe to repair."
            raise CommandError(f"{left:,} {'finding remains' if left == 1 else 'findings remain'}{hint}")

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
        self.stdout.write(f"{len(outcomes)} checks, {len(outcomes) - wrong} of them now without findings.")


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
