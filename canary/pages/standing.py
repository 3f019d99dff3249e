"""The situation in a few words, for forms and other pages: as the page of the rollout has it first."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from canary.core.consumers import extended
from canary.core.lifecycle import life_from
from canary.judging.judging import is_gap
from canary.models import Verdict
from canary.pages.guiding import Guide, guide
from canary.shadow import results as shadow_results


def standing(known: dict[str, Any], now: datetime) -> Guide:
    """Return the situation of a status. Differences are read only where they were found."""
    verdict = Verdict.objects.filter(release=known["release"]).order_by("-at", "-pk").first()
    has_differences = bool(verdict and verdict.numbers.get("shadow_differences"))
    return guide(
        known,
        verdict,
        extended=len(extended(life_from(known["life"]), now.timestamp())),
        differences=holding(shadow_results.summary(known["release"])["differences"]) if has_differences else (),
    )


def holding(differences: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the differences that hold a step: those that nobody has accepted."""
    return [one for one in differences if one["accepted"] is None and is_gap(one["kind"], one["count"])]
