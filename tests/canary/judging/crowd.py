"""Users of the entrance as the recorders would have noted them: who is on which version is decided by the weight."""

import json
import time
from collections.abc import Callable, Iterable
from hashlib import blake2b
from itertools import batched

from django.utils import timezone

from canary.core.statistics import Evidence, Observed
from canary.judging import evidence
from canary.models import EvidenceCheckpoint, Observation, Rollout

FULL_BP = 10_000

type Fails = Callable[[int, int], bool]
"""Whether the user with this number has an error on this version."""


def nobody(number: int, api_version: int) -> bool:
    return False


def some(number: int, api_version: int) -> bool:
    return number % 50 == 0


def version_of(number: int, weight_bp: int) -> int:
    digest = blake2b(str(number).encode(), digest_size=8).digest()
    return 2 if (int.from_bytes(digest) * FULL_BP) >> 64 < weight_bp else 1


def arrive(numbers: Iterable[int], fails: Fails = nobody, row: Rollout | None = None) -> int:
    """Each comes three times at the rollout as it is now, or was at `row`; how many observations that makes."""
    row = row or Rollout.objects.get(pk=1)
    seen = [(number, version_of(number, row.weight_bp)) for number in numbers]
    noted = [
        observation_of(row, number, version, metric)
        for number, version in seen
        for metric in ("seen", "error" if fails(number, version) else "settled")
    ]
    return len(Observation.objects.bulk_create(noted))


def observation_of(row: Rollout, number: int, api_version: int, metric: str) -> Observation:
    return Observation(
        release=row.release,
        stage=row.stage,
        weight_bp=row.weight_bp,
        unit=f"{number:032x}",
        api_version=api_version,
        metric=metric,
        route="GET /posts",
        is_authenticated=True,
        network="00",
        at=timezone.now(),
    )


def keep_arriving(count: int, at_once: int = 50, pause_s: float = 0.02) -> None:
    """Some at a time, as the recorders write them."""
    for numbers in batched(range(count), at_once):
        arrive(numbers, some)
        time.sleep(pause_s)


def in_one_go(release: int) -> bytes:
    """The state that a controller would hold that never stopped."""
    state = Evidence.fresh(evidence.guard_salt(release))
    rows = Observation.objects.filter(release=release).exclude(sequence=None).order_by("sequence")
    for row in rows.values_list(*evidence.COLUMNS):
        state.take(Observed(*row))
    return state.dump()


def print_account() -> None:
    """What lies in the last checkpoint, beside what should."""
    saved = EvidenceCheckpoint.objects.latest("release")
    account = {
        "rows": Observation.objects.count(),
        "waiting": Observation.objects.filter(sequence=None).count(),
        "taken": Evidence.load(bytes(saved.state)).taken,
        "is_as_in_one_go": bytes(saved.state) == in_one_go(saved.release),
    }
    print(json.dumps(account))
