"""Breakers: rules that end a release without statistics, from the first client on. Each has its own sentence."""

from canary.core.breakers.answers import Minute, is_sampled
from canary.core.breakers.crashes import Crash
from canary.core.breakers.latency import RouteWindow
from canary.core.breakers.limits import Limits
from canary.core.breakers.refusals import Repeat
from canary.core.breakers.tripping import Sightings, trips_of

__all__ = ["Crash", "Limits", "Minute", "Repeat", "RouteWindow", "Sightings", "is_sampled", "trips_of"]
