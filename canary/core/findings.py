"""Findings that need no statistics: an N+1 repeats itself, and a wrong field is wrong at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from canary.core.judgements import QueryRepeat, ShadowGap

LEAST_REPEATS: Final = 5
LEAST_REQUESTS: Final = 3
ABOUT_AS_OFTEN: Final = 1.5
"""v1's lists have other lengths than v2's, so that the same loop repeats a statement somewhat more or less often."""
RULE: Final = (
    f"rule: a statement {LEAST_REPEATS} times or more in one request, in {LEAST_REQUESTS} requests or more, "
    f"and over {ABOUT_AS_OFTEN:g} times as often as on v1"
)


class NewRepeat(NamedTuple):
    """A statement that v2 repeats, and how often v1 repeats it or the one in its place; 0 when v1 repeats none."""

    repeat: QueryRepeat
    on_v1: int

    @property
    def more(self) -> int:
        return self.repeat.repeats_max - max(1, self.on_v1)


def new_repeats(repeats: Iterable[QueryRepeat]) -> list[NewRepeat]:
    """Return the statements that v2 repeats and v1 doesn't, the worst first."""
    by_route: dict[str, tuple[list[QueryRepeat], list[QueryRepeat]]] = defaultdict(lambda: ([], []))
    for repeat in repeats:
        by_route[repeat.route][repeat.api_version == 2].append(repeat)
    found = [new for v1, v2 in by_route.values() for new in _paired(v1, v2) if _is_worse(new)]
    return sorted(found, key=lambda new: (-new.more, new.repeat.route, new.repeat.fingerprint))


def sentence_of_repeat(new: NewRepeat) -> str:
    repeat = new.repeat
    on_v1 = f"v1 repeats it {new.on_v1} times" if new.on_v1 else "v1 doesn't repeat it"
    return (
        f"v2 sends statement {repeat.fingerprint} up to {repeat.repeats_max} times in one request of {repeat.route} "
        f"(+{new.more} queries, an N+1), in {repeat.requests} requests; {on_v1} ({RULE})"
    )


def sentence_of_gaps(gaps: Sequence[ShadowGap]) -> str:
    worst = max(gaps, key=lambda gap: (gap.count, gap.route, gap.path))
    rest = f", and {len(gaps) - 1} more" if len(gaps) > 1 else ""
    return (
        f"shadow reads differ in {len(gaps)} {'place' if len(gaps) == 1 else 'places'} that no declared mapping "
        f"explains: {worst.route} at {worst.path or 'the whole answer'} ({worst.kind}, {worst.count} reads){rest} "
        "(rule: none may differ)"
    )


def _paired(v1: list[QueryRepeat], v2: list[QueryRepeat]) -> Iterator[NewRepeat]:
    """Pair statements by fingerprint, and the rest by rank: v1's statement for the same may name other columns."""
    on_v1 = {repeat.fingerprint: repeat.repeats_max for repeat in v1}
    shared = {repeat.fingerprint for repeat in v2} & set(on_v1)
    left = sorted((count for fingerprint, count in on_v1.items() if fingerprint not in shared), reverse=True)
    for repeat in sorted(v2, key=lambda repeat: -repeat.repeats_max):
        if repeat.fingerprint in shared:
            yield NewRepeat(repeat, on_v1[repeat.fingerprint])
        else:
            yield NewRepeat(repeat, left.pop(0) if left else 0)


def _is_worse(new: NewRepeat) -> bool:
    repeat = new.repeat
    is_repeated = repeat.repeats_max >= LEAST_REPEATS and repeat.requests >= LEAST_REQUESTS
    return is_repeated and repeat.repeats_max > ABOUT_AS_OFTEN * new.on_v1
