"""The card about the crossover of the release: the number and the next action, then each consumer."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from canary.core.crossover_verdict import LIMIT, Count, CrossoverVerdict, OfConsumer
from canary.core.names import in_names, names_from
from canary.core.wording import duration, strength
from canary.judging.crossing import verdict_on
from canary.models import Rollout
from canary.pages.speaking import spoken
from canary.reporting.crossover import NEXT
from canary.reporting.people import People

SAID: Final = {
    "harm": gettext_noop("v2 harms it"),
    "no_harm": gettext_noop("no harm"),
    "too_few": gettext_noop("too few requests"),
    "running": gettext_noop("running"),
}
TAGS: Final = {"harm": "harm", "no_harm": "pass", "too_few": "hold", "running": "no_data"}
"""By the verdict of a consumer, the class of its tag."""


@dataclass(frozen=True, slots=True)
class Row:
    consumer: str
    name: str
    said: str
    tag: str
    on_v1: str
    on_v2: str
    pairs: str


@dataclass(frozen=True, slots=True)
class Card:
    title: str
    next: str
    sentence: str
    period: str
    ends_at: datetime
    rows: tuple[Row, ...]


def is_crossing(status: Mapping[str, Any]) -> bool:
    """Return whether a crossover runs, or waits for its first period or its verdict."""
    return status["crossover"] is not None and status["crossover"]["state"] != "ended"


def card_of(status: dict[str, Any], row: Rollout | None, now: datetime) -> Card | None:
    """Return the card; None for a release without a crossover."""
    told, verdict = status["crossover"], None if row is None else verdict_on(row, now)
    if told is None or verdict is None:
        return None
    names = names_from(status)
    people = People([one.consumer for one in verdict.consumers])
    lasts = spoken(duration(told["period_s"]).replace(".0 ", " "))
    place = {"number": told["period"], "count": told["periods"], "duration": lasts}
    period = _("%(number)s of %(count)s, %(duration)s each") if told["period"] else _("%(count)s of %(duration)s")
    return Card(
        title=_title(verdict),
        next=spoken(in_names(NEXT[told["verdict"] or told["state"]], names)),
        sentence=spoken(in_names(verdict.opened, names)),
        period=period % place,
        ends_at=datetime.fromisoformat(told["ended_at"] or told["ends_at"]),
        rows=tuple(_row(one, people) for one in verdict.consumers),
    )


def _title(verdict: CrossoverVerdict) -> str:
    count = verdict.against + verdict.others
    title = ngettext(
        "v2 failed more in %(against)d of %(count)d pair of periods that differ: evidence %(e)s of %(limit)d",
        "v2 failed more in %(against)d of %(count)d pairs of periods that differ: evidence %(e)s of %(limit)d",
        count,
    )
    evidence = strength(math.log(verdict.evidence))
    return title % {"against": verdict.against, "count": count, "e": evidence, "limit": LIMIT}


def _row(one: OfConsumer, people: People) -> Row:
    pairs = _("v2 worse %(against)d, better %(others)d") % {"against": one.against, "others": one.others}
    name, said = people.identity(one.consumer), _(SAID[one.verdict])
    return Row(one.consumer, name, said, TAGS[one.verdict], _failed(one.stable), _failed(one.candidate), pairs)


def _failed(count: Count) -> str:
    told = {"failed": f"{count.failures:,}", "count": f"{count.requests:,}"}
    return _("%(failed)s of %(count)s") % told
