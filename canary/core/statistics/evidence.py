"""The whole evidence of a release: takes observations in their order, and can be put away and taken up again."""

import math
from hashlib import blake2b
from typing import Any, Final

from canary.core.statistics.certificate import MAX_ERRORS, SafeCertificate
from canary.core.statistics.comparison import METRICS, Comparison, Seen
from canary.core.statistics.networks import Networks
from canary.core.statistics.observed import Observed
from canary.core.statistics.packing import pack, unpack
from canary.core.statistics.pairs import PairTests
from canary.core.statistics.sample_ratio import SampleRatio
from canary.core.statistics.units import FULL_BP, Units

# Slots of a unit: whether it was seen, then three of the comparison, then three of the guard.
_SEEN_SLOT, _REAL_SLOT, _GUARD_SLOT = 0, 1, 4
# Bits of a network: three of each comparison, then those below.
_REAL_BIT, _GUARD_BIT, _SEEN_BIT, _FAILED_V1_BIT, _FAILED_V2_BIT = 1, 1 << 3, 1 << 6, 1 << 7, 1 << 8
_CLEAN_V1_BIT, _CLEAN_V2_BIT = 1 << 9, 1 << 10
CANDIDATE: Final = 2
FOR_ALL: Final = frozenset({"seen", "settled", "error"})
"""Metrics that count for identities that may be chosen for their version. The others need a side by chance."""
OLD_NAMES: Final = {"client_error": "refusal"}
"""Names of metrics that an earlier release of this program wrote, or writes beside this one."""


class Evidence:
    """State of one release. Equal sequences of observations give equal states, to the last bit, in chunks of any size.

    Observations may come twice or from several workers: the first of its kind of each unit and stage counts.
    """

    def __init__(self, guard_salt: str, margin: float) -> None:
        self.stage = -1
        """The latest stage of any observation."""
        self.weight_bp = 0
        self.taken = 0
        self.comparison = Comparison(_REAL_SLOT, _REAL_BIT, margin)
        self.guard = Comparison(_GUARD_SLOT, _GUARD_BIT, margin)
        """The same code over units of v1 alone, which a second salt splits at the same weights: each alarm is false."""
        self.certificate = SafeCertificate()
        self.sample_ratio = SampleRatio()
        self.pairs = PairTests()
        self.units = Units()
        self.networks = Networks()
        self._guard_salt = guard_salt
        self._key = guard_salt.encode()[:64]

    @classmethod
    def fresh(cls, guard_salt: str = "", *, margin: float = 1.0) -> "Evidence":
        """Return the state of a new release. Give each release its own `guard_salt`: its A/A guard is a new draw then.

        `margin` is the tolerated ratio of risks (1.1: ten percent more), below 1.5.
        """
        return cls(guard_salt, margin)

    def _begin(self, stage: int, weight_bp: int) -> None:
        """Begin a later stage: everything that counts once per stage starts from zero.

        Only an observation may cause it: a replay must come to the same state.
        """
        self.stage, self.weight_bp = stage, weight_bp
        self.certificate.begin()
        self.sample_ratio = SampleRatio()
        self.pairs.begin()
        self.networks.begin()

    def take(self, observed: Observed) -> None:
        self.taken += 1
        if observed.stage > self.stage:
            self._begin(observed.stage, observed.weight_bp)
        if not observed.is_authenticated and observed.stage < self.stage:
            return  # Which counts its network had in a stage that is over isn't kept.
        if observed.metric.startswith("pair_"):
            voter = observed.unit if observed.is_authenticated else observed.network
            self._take_pair(observed, int.from_bytes(self._digest_of(voter)[:8]))
        else:
            self._take_of_user(observed)

    def _take_of_user(self, observed: Observed) -> None:
        stage, weight_bp, unit, api_version, metric, route, value, is_authenticated, network, identity = observed[:-1]
        digest = self._digest_of(identity or unit)
        key = int.from_bytes(digest[:8])
        owner = key if identity in ("", unit) else int.from_bytes(self._digest_of(unit)[:8])
        source = None if is_authenticated else _number_of(network)
        if source is not None and not self._may_count(owner, source, metric):
            return
        if observed.is_chosen and metric not in FOR_ALL:
            return
        place = self.units.find(owner, key)
        if place is None:
            return
        on_v2 = api_version == CANDIDATE
        metric = OLD_NAMES.get(metric, metric)
        if metric.startswith("latency") and (value is None or not math.isfinite(value)):
            return
        if metric in METRICS:
            seen = Seen(place, weight_bp, metric, route, value or 0.0, source)
            self.comparison.take(self.units, self.networks, seen, on_v2)
            if not on_v2:
                fake = (int.from_bytes(digest[8:]) * FULL_BP) >> 64 < weight_bp
                self.guard.take(self.units, self.networks, seen, fake)
        elif metric == "latency_cold":
            self.comparison.latency.take_cold(route, value or 0.0, on_v2)
        if metric == "seen":
            self._count(place, observed, source, on_v2)
        elif metric in ("settled", "error"):
            self._fix_outcome(place, stage, source, on_v2, metric == "error")

    def _may_count(self, unit: int, network: int, metric: str) -> bool:
        """Return whether a unit that nobody vouches for is known, or its network may still bring one."""
        if metric not in FOR_ALL or unit in self.units:
            return metric in FOR_ALL
        return self.units.has_place_for_unknown and self.networks.bring(network, is_failing=metric == "error")

    def log_e(self, max_errors: float = MAX_ERRORS) -> dict[str, float]:
        """Return natural logarithms, for charts and gauges: `overall` decides, with its peak; the others are shown.

        `safe` and `safe_ratio` speak for v2: the certificate against the share `max_errors`, and the relative one.
        `sample_ratio` speaks against the measuring, `guard` is the A/A guard's overall. `client_error` is the old name
        of `refusal`.
        """
        return {
            **self.comparison.log_e(),
            "client_error": self.comparison.refusals.log_e,
            "safe": self.certificate.against(max_errors).log_e,
            "safe_ratio": self.comparison.errors.log_safe,
            "sample_ratio": self.sample_ratio.log_e,
            "guard": self.guard.log_overall,
        }

    def _digest_of(self, name: str) -> bytes:
        return blake2b(name.encode(), digest_size=16, key=self._key).digest()

    def _take_pair(self, observed: Observed, voter: int) -> None:
        """Take a vote of a pair. Refusals are the breaker's. Failovers, without a `value`, don't count: v1 has none."""
        is_against = observed.api_version == CANDIDATE
        if observed.value is None:
            return
        if observed.metric == "pair_error":
            self.pairs.take_error(voter, observed.is_authenticated, is_against)
            self.comparison.join("pair_error", self.pairs.errors.log_e)
        elif observed.metric == "pair_time":
            self.pairs.take_time(observed.route, voter, observed.is_authenticated, is_against)
            self.comparison.join("pair_time", self.pairs.log_e_of_times)

    def _count(self, place: int, observed: Observed, source: int | None, on_v2: bool) -> None:
        slot, weight_bp = place + _SEEN_SLOT, observed.weight_bp
        possible = self.units.open_range(slot, weight_bp)
        if possible is None or observed.stage != self.stage:
            return
        if source is not None and not self.networks.use(source, _SEEN_BIT):
            return
        is_by_chance = source is None and not observed.is_chosen
        self.sample_ratio.take(weight_bp, possible, on_v2, is_by_chance=is_by_chance)
        self.units.reveal(slot, weight_bp, on_v2)

    def _fix_outcome(self, place: int, stage: int, source: int | None, on_v2: bool, is_failing: bool) -> None:
        """Fix a unit's outcome. Identities that nobody vouches for have a clean and a failing one for each network.

        One address could bring a pass by itself if each of them counted as clean. A clean one after the failing one
        doesn't count: the share would be too low.
        """
        if stage != self.stage or not self.units.fix_outcome(place, stage):
            return
        if source is not None:
            failed, clean = (_FAILED_V2_BIT, _CLEAN_V2_BIT) if on_v2 else (_FAILED_V1_BIT, _CLEAN_V1_BIT)
            is_over = self.networks.has_used(source, failed)
            if is_over or not self.networks.use(source, failed if is_failing else clean):
                return
        self.certificate.take(on_v2, is_failing)

    def dump(self) -> bytes:
        parts: dict[str, Any] = {
            name: getattr(self, name).dump()
            for name in ("comparison", "guard", "certificate", "sample_ratio", "pairs", "units", "networks")
        }
        own = {"stage": self.stage, "weight_bp": self.weight_bp, "taken": self.taken, "guard_salt": self._guard_salt}
        return pack({**own, **parts})

    @classmethod
    def load(cls, state: bytes) -> "Evidence":
        """Return the state that `dump` packed. Raises ValueError for anything else."""
        tree = unpack(bytes(state))
        evidence = cls(tree["guard_salt"], 1.0)
        evidence.stage, evidence.weight_bp, evidence.taken = tree["stage"], tree["weight_bp"], tree["taken"]
        evidence.comparison.restore(tree["comparison"])
        evidence.guard.restore(tree["guard"])
        evidence.certificate = SafeCertificate.load(tree["certificate"])
        evidence.sample_ratio = SampleRatio.load(tree["sample_ratio"])
        evidence.pairs = PairTests.load(tree["pairs"])
        evidence.units = Units.load(tree["units"])
        evidence.networks = Networks.load(tree["networks"])
        return evidence


def _number_of(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
