"""A situation in words, and the words for those that no verdict tells of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

LEAST_FAILING: Final = 3
SERVER_ERROR: Final = 500
STATUS: Final = "status"
"""The kind of differences whose path is both statuses, `200 to 404`. Releases of 2026 may have an empty one."""
LEAST_ASKED: Final = 10


@dataclass(frozen=True, slots=True)
class Guide:
    """`mood` is a kind of verdict or `info`; `place` is the section that tells more, `place_label` its link."""

    mood: str
    title: str
    next: str
    place: str = ""
    place_label: str = ""
    command: str = ""
    action: str = ""
    """The words of the button that is the next step."""
    is_verdict_open: bool = False
    """Whether the verdict's whole sentence is needed to act."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Judged requests of the last half minute, where most of v2's failed."""

    errors: int
    count: int
    stable_errors: int
    stable_count: int

    @property
    def is_of_both(self) -> bool:
        """Return whether v1 fails too, by half of v2's share or more, and more than once or twice."""
        is_alike = 2 * self.stable_errors * self.count >= self.errors * self.stable_count
        return self.stable_errors >= LEAST_FAILING and self.stable_count >= LEAST_ASKED and is_alike


def of_failing_now(failing: Failing) -> Guide:
    """Return the words for the time between a fault and its rollback, which no verdict tells of yet."""
    told = {"errors": failing.errors, "count": failing.count}
    place, label = "routes", _("Look at the routes")
    if failing.is_of_both:
        told |= {"v1_errors": failing.stable_errors, "v1_count": failing.stable_count}
        title = _(
            "Both versions fail: %(errors)d of v2's last %(count)d requests, %(v1_errors)d of v1's last %(v1_count)d"
        )
        todo = _(
            "The cause may be v2, or something that both use. Roll back by hand if in doubt: if v1 still fails then, "
            "it is not v2 alone."
        )
        return Guide("harm", title % told, todo, place, label, is_verdict_open=True)
    title = _("v2 fails: %(errors)d of its last %(count)d requests") % told
    todo = _(
        "Where it can, v1 answers failed reads in v2's place. The controller rolls back by itself as soon as it is "
        "sure: where one user alone is hit, that takes a minute or more. You can also roll back by hand now."
    )
    return Guide("harm", title, todo, place, label, is_verdict_open=True)


def said_of_worst(differences: Sequence[Mapping[str, Any]]) -> str:
    """Return a sentence about the difference that was seen the most, of failures of v2 where there are any."""
    worst = max(differences, key=lambda one: (is_failure(one), int(one["count"])))
    old, _to, new = str(worst["path"]).partition(" to ")
    if worst["kind"] == STATUS and new:
        told = ngettext(
            "v2 answers %(route)s with %(new)s where v1 answers %(old)s, since %(at)s, in %(count)d of the release's "
            "%(all)d comparison.",
            "v2 answers %(route)s with %(new)s where v1 answers %(old)s, since %(at)s, in %(count)d of the release's "
            "%(all)d comparisons.",
            worst["compared"],
        )
    else:
        told = ngettext(
            "%(route)s differs at %(path)s since %(at)s, in %(count)d of the release's %(all)d comparison.",
            "%(route)s differs at %(path)s since %(at)s, in %(count)d of the release's %(all)d comparisons.",
            worst["compared"],
        )
    return told % {
        "route": worst["route"],
        "path": worst["path"] or _("the whole answer"),
        "old": old,
        "new": new,
        "at": f"{datetime.fromisoformat(worst['first_seen_at']).astimezone(UTC):%H:%M:%S} UTC",
        "count": worst["count"],
        "all": worst["compared"],
    }


def is_failure(difference: Mapping[str, Any]) -> bool:
    """Return whether v2 failed (5xx) where v1 answered."""
    status = str(difference["path"]).rpartition(" ")[2]
    return difference["kind"] == STATUS and status.isdecimal() and int(status) >= SERVER_ERROR
