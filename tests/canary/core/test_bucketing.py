"""The bucket function: frozen by vectors, uniform, independent between salts."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.bucketing import BUCKETS, bucket
from canary.core.values import KINDS, Identity

# Published with the design; a change of any of them moves every user of every installation.
GOLDEN = [
    ("api-v2:2026-12", "user", "1", 7849),
    ("api-v2:2026-12", "user", "2", 6986),
    ("api-v2:2026-12", "user", "42", 1324),
    ("api-v2:2026-12", "anon", "1", 1570),
    ("api-v2:2026-12", "key", "1", 5385),
    ("api-v2:2027-01", "user", "1", 2716),
]


@pytest.mark.parametrize(("salt", "kind", "identifier", "expected"), GOLDEN)
def test_the_golden_vectors_hold_for_ever(salt: str, kind: str, identifier: str, expected: int) -> None:
    assert bucket(Identity(kind, identifier), salt) == expected


@given(st.sampled_from(KINDS), st.text(min_size=1), st.text(min_size=1, max_size=16))
def test_every_id_and_salt_has_a_bucket_and_always_the_same(kind: str, identifier: str, salt: str) -> None:
    if any("\ud800" <= c <= "\udfff" for c in identifier + salt):
        return
    place = bucket(Identity(kind, identifier), salt)
    assert 0 <= place < BUCKETS
    assert place == bucket(Identity(kind, identifier), salt)


@pytest.mark.parametrize("name", ["{}", "user-{:08d}@example.com", "{:032x}"])
def test_buckets_are_uniform(name: str) -> None:
    """Chi-square over 100 slices of 50,000 ids: 99 degrees of freedom, so mean 99 and deviation sqrt(198).

    Both tails are bounded at 4 deviations: too regular is as wrong as too skewed.
    """
    counts = Counter(bucket(Identity("user", name.format(i)), "a salt") * 100 // BUCKETS for i in range(50_000))
    expected = 500
    chi_square = sum((counts[i] - expected) ** 2 / expected for i in range(100))
    assert abs(chi_square - 99) < 4 * math.sqrt(198)


def test_cohorts_of_numbered_salts_are_independent() -> None:
    """Correlation of 10 % membership between salts that differ in their last digit: within 4.5 / sqrt(N) for all pairs."""
    count = 20_000
    cohorts = [{i for i in range(count) if bucket(Identity("user", str(i)), f"api-v2-{n}") < 1_000} for n in range(6)]
    for first in range(6):
        for second in range(first + 1, 6):
            a, b = len(cohorts[first]) / count, len(cohorts[second]) / count
            both = len(cohorts[first] & cohorts[second]) / count
            phi = (both - a * b) / math.sqrt(a * (1 - a) * b * (1 - b))
            assert abs(phi) < 4.5 / math.sqrt(count)


def test_kinds_do_not_share_buckets() -> None:
    same = sum(bucket(Identity("user", str(i)), "s") == bucket(Identity("anon", str(i)), "s") for i in range(2_000))
    assert same < 10  # 0.2 expected
