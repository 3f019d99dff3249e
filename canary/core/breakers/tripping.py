"""All breakers together: what they look at, and which of them trip now."""

from collections.abc import Sequence
from dataclasses import dataclass

from canary.core.breakers.answers import Minute
from canary.core.breakers.crashes import Crash, crashed_workers
from canary.core.breakers.failures import declared_limit, shared_harm, total_failure
from canary.core.breakers.latency import RouteWindow, slow_routes
from canary.core.breakers.limits import Limits
from canary.core.breakers.refusals import Repeat, wrong_refusals
from canary.core.judgements import Stage, Trip


@dataclass(frozen=True, slots=True)
class Sightings:
    """Everything that breakers look at, in any order; of the stage in force where nothing else is said."""

    minutes: Sequence[Minute] = ()
    before: Sequence[Minute] = ()
    """The quarter of an hour before the stage."""
    windows: Sequence[RouteWindow] = ()
    """These are of the hour before the stage, too."""
    crashes: Sequence[Crash] = ()
    repeats: Sequence[Repeat] = ()


def trips_of(seen: Sightings, stage: Stage, limits: Limits, now: float) -> list[Trip]:
    """Return the breakers that trip at `now` (unix seconds), the plainest first; none where nobody is sent to v2.

    Those that count users with a failed answer have no part in a crossover: of a few busy clients nearly each has one.
    """
    if not stage.is_exposed:
        return []
    found = [total_failure(seen.minutes, stage, limits, now), crashed_workers(seen.crashes, limits, now)]
    if not stage.is_crossover:
        found.append(declared_limit(seen.minutes, seen.before, stage, limits, now))
        found.append(shared_harm(seen.minutes, seen.before, stage, limits, now))
    found.append(slow_routes(seen.windows, stage, limits, now))
    found.append(wrong_refusals(seen.repeats, seen.minutes, limits, now))
    return [trip for trip in found if trip is not None]
