"""Whether a controller guards the rollout: when one last finished a turn, by the database's clock."""

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now

from canary.conf import canary_conf
from canary.core.wording import duration
from canary.models import Lease

CONTROLLER: Final = "controller"
"""The name of the lease that the leading controller holds."""


@dataclass(frozen=True, slots=True)
class Guard:
    leader: str | None
    """Who leads now; None for nobody, as between two turns from cron."""
    age_s: float | None
    """Seconds since a controller last finished a turn; None when none ever did."""

    @property
    def is_alive(self) -> bool:
        return self.age_s is not None and self.age_s <= canary_conf().unguarded_s

    @property
    def sentence(self) -> str:
        """Return the sentence about what follows when none is alive."""
        since = "has ever finished a turn" if self.age_s is None else f"has finished a turn for {duration(self.age_s)}"
        return f"No controller {since}: nothing is judged, promoted or rolled back by itself."


def read_guard() -> Guard:
    clock = ExpressionWrapper(Now(), output_field=DateTimeField())
    found: Any = Lease.objects.filter(name=CONTROLLER).annotate(now=clock)
    lease = found.first()
    if lease is None:
        return Guard(None, None)
    leader = lease.holder if lease.expires_at > lease.now else None
    age_s = None if lease.done_at is None else max(0.0, (lease.now - lease.done_at).total_seconds())
    return Guard(leader or None, age_s)
