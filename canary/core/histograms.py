"""Hash-sliced logarithmic histograms: quantiles of latency whose intervals respect that a user's requests are related.

An arm keeps 64 histograms. A hash of its unit names the one that a request goes into. Leaving out one slice at a time
(the delete-one-group jackknife: Efron & Tibshirani 1993, chapter 11; Shao & Wu 1989 for quantiles) shows how much a
quantile depends on the users who happened to come. The usual interval for independent requests understates that.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

SLICES: Final = 64
BUCKETS: Final = 260
WIDTH: Final = 0.05
LOWEST_MS: Final = 1.0
"""Buckets are 5 % wide. 1.05 ** 259 ms are 307 s, so 1 ms to 300 s fit; values beyond go into the outermost ones."""
T_63: Final = 1.998341
"""The 97.5 % quantile of Student's t with SLICES - 1 degrees of freedom."""

_LOG_WIDTH: Final = math.log1p(WIDTH)

type Histogram = dict[int, int]
"""Counts by `slice * BUCKETS + bucket`; a count of zero has no entry."""


class Quantile(NamedTuple):
    """In milliseconds, with a 95 % interval, which is None when there are too few units."""

    value_ms: float
    low_ms: float | None
    high_ms: float | None


class Spread(NamedTuple):
    """The median of the slices' quantiles in milliseconds, and its range when some of them are left out."""

    slices: int
    """Slices with requests: at least as many units were there."""
    requests: int
    value_ms: float
    low_ms: float
    high_ms: float


def bucket_of(latency_ms: float) -> int:
    if latency_ms <= LOWEST_MS:
        return 0
    return min(BUCKETS - 1, int(math.log(latency_ms / LOWEST_MS) / _LOG_WIDTH))


def cell_of(slice_number: int, latency_ms: float) -> int:
    """Return the key of a Histogram for one request; `slice_number` 0..63 is a hash of its unit."""
    return slice_number * BUCKETS + bucket_of(latency_ms)


def add(total: Histogram, more: Mapping[int, int]) -> None:
    get = total.get
    for cell, count in more.items():
        total[cell] = get(cell, 0) + count


def quantiles(histogram: Mapping[int, int], shares: Sequence[float]) -> dict[float, Quantile | None]:
    """Return the latency below which each of `shares` (0 < share < 1) of the requests lies; None without requests."""
    by_slice = _by_slice(histogram)
    total = [sum(column) for column in zip(*by_slice.values(), strict=True)]
    if not total:
        return dict.fromkeys(shares)
    whole = list(accumulate(total))
    # Cumulative, so that leaving out a slice is one subtraction a bucket.
    left_out = [list(accumulate(counts)) for counts in by_slice.values()]
    return {share: _with_interval(whole, left_out, share) for share in shares}


def count_from(histogram: Mapping[int, int], least_ms: float) -> int:
    """Return how many requests lie in the bucket of `least_ms` or beyond it."""
    first = bucket_of(least_ms)
    return sum(count for cell, count in histogram.items() if cell % BUCKETS >= first)


def spread(histogram: Mapping[int, int], share: float, left_out: int) -> Spread | None:
    """Return the median of a quantile of each slice, and its range without any `left_out` ones; None without requests.

    So each slice counts alike, however many requests it has, and fewer than half of them move it to where they please.
    """
    each = sorted(_log_quantile([*accumulate(counts)], share) for counts in _by_slice(histogram).values())
    if not each:
        return None
    rest = max(len(each) - left_out, 1)
    value, low, high = (math.exp(_median(some)) for some in (each, each[:rest], each[-rest:]))
    return Spread(len(each), sum(histogram.values()), value, low, high)


def log_spread(histogram: Mapping[int, int]) -> float | None:
    """Return the standard deviation of the natural logarithm of all latencies; None for fewer than two requests."""
    counts: dict[int, int] = {}
    for cell, count in histogram.items():
        counts[cell % BUCKETS] = counts.get(cell % BUCKETS, 0) + count
    total = sum(counts.values())
    if total < 2:
        return None
    mean = sum(bucket * count for bucket, count in counts.items()) / total
    squares = math.fsum(count * (bucket - mean) ** 2 for bucket, count in counts.items())
    return _LOG_WIDTH * math.sqrt(squares / total)


def dump(histogram: Mapping[int, int]) -> dict[str, dict[str, int]]:
    """Return `{slice: {bucket: count}}` with keys of text, as JSON has them."""
    nested: dict[str, dict[str, int]] = {}
    for cell, count in histogram.items():
        number, bucket = divmod(cell, BUCKETS)
        nested.setdefault(str(number), {})[str(bucket)] = count
    return nested


def add_dumped(total: Histogram, dumped: Mapping[str, Mapping[str, int]]) -> None:
    """Add what `dump` made to `total`."""
    get = total.get
    for number, buckets in dumped.items():
        first = int(number) * BUCKETS
        for bucket, count in buckets.items():
            cell = first + int(bucket)
            total[cell] = get(cell, 0) + count


def _median(ordered: Sequence[float]) -> float:
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _by_slice(histogram: Mapping[int, int]) -> dict[int, list[int]]:
    slices: dict[int, list[int]] = {}
    for cell, count in histogram.items():
        number, bucket = divmod(cell, BUCKETS)
        if number not in slices:
            slices[number] = [0] * BUCKETS
        slices[number][bucket] += count
    return slices


def _with_interval(whole: list[int], left_out: Iterable[list[int]], share: float) -> Quantile:
    """Compute on the logarithm, where latencies are nearer to symmetric; slices without requests count as full ones."""
    centre = _log_quantile(whole, share)
    estimates = [
        _log_quantile([a - b for a, b in zip(whole, counts, strict=True)], share)
        for counts in left_out
        if counts[-1] < whole[-1]
    ]
    if len(estimates) < SLICES // 4:
        return Quantile(math.exp(centre), None, None)
    mean = math.fsum(estimates) / len(estimates)
    count = len(estimates)
    deviation = math.sqrt((count - 1) / count * math.fsum((e - mean) ** 2 for e in estimates))
    return Quantile(math.exp(centre), math.exp(centre - T_63 * deviation), math.exp(centre + T_63 * deviation))


def _log_quantile(cumulative: list[int], share: float) -> float:
    """Return the quantile within its bucket, as if requests were spread evenly there: steps of 5 % are too coarse."""
    wanted = share * cumulative[-1]
    low, high = 0, BUCKETS - 1
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    before = cumulative[low - 1] if low else 0
    inside = cumulative[low] - before
    return math.log(LOWEST_MS) + (low + ((wanted - before) / inside if inside else 0.5)) * _LOG_WIDTH
