"""All checks in their order: looking, mending, and looking again at what was mended."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from cms.integrity import comments, files, histories, people, posts, references, slugs, terms
from cms.integrity.findings import Check, Finding

# References first, for the others read what they lead to; counts last, for the others change what is public.
CHECKS: tuple[Check, ...] = (
    *references.CHECKS,
    *people.CHECKS,
    *terms.CHECKS,
    *slugs.CHECKS,
    *histories.CHECKS,
    *posts.CHECKS,
    *comments.CHECKS,
    *files.CHECKS,
    *terms.COUNT_CHECKS,
)
AT_ONCE = 20_000
"""Findings held in memory to be mended."""


@dataclass
class Outcome:
    check: Check
    found: int = 0
    left: int = 0
    findings: list[Finding] = field(default_factory=list)
    """The first of those that were found."""
    remaining: list[Finding] = field(default_factory=list)
    """The first of those that are left."""


def select_checks(*, is_deep: bool) -> list[Check]:
    return [check for check in CHECKS if is_deep or not check.is_deep]


def run_checks(
    checks: list[Check],
    *,
    now: datetime.datetime,
    is_repairing: bool = False,
    limit: int = 20,
    on_check: Callable[[Check], None] = lambda check: None,
) -> list[Outcome]:
    """Return what each check found and what is left of it; keep `limit` findings of each, and count all."""
    outcomes = []
    for check in checks:
        outcomes.append(_look(check, now, limit))
        if is_repairing and check.repair is not None and outcomes[-1].found:
            _mend(check, check.repair, now)
        on_check(check)
    if is_repairing and any(outcome.found for outcome in outcomes):
        # All of them: what was mended here may have been what another check looked at.
        for outcome in outcomes:
            again = _look(outcome.check, now, limit)
            outcome.left, outcome.remaining = again.found, again.findings
            outcome.found = max(outcome.found, outcome.left)
    return outcomes


def _look(check: Check, now: datetime.datetime, limit: int) -> Outcome:
    outcome = Outcome(check)
    for finding in check.find(now):
        outcome.found += 1
        if len(outcome.findings) < limit:
            outcome.findings.append(finding)
    outcome.left, outcome.remaining = outcome.found, outcome.findings
    return outcome


def _mend(check: Check, repair: Callable[[list[Finding], datetime.datetime], int], now: datetime.datetime) -> None:
    """Mend round by round until there is nothing more to mend, or what is left can't be."""
    while findings := list(islice(check.find(now), AT_ONCE)):
        if not repair(findings, now) or len(findings) < AT_ONCE:
            return
