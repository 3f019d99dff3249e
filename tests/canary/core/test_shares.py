"""The band around a share, and finding whoever sends too much."""

import random

import pytest

from canary.core.shares import Band, HeavyHitters, binomial_band


def test_the_band_holds_99_of_100_honest_samples() -> None:
    rng = random.Random(3)
    band = binomial_band(1_000, 500)
    held = sum(band.holds(sum(rng.random() < 0.1 for _ in range(500)) / 500) for _ in range(1_000))
    assert held >= 980
    assert not band.holds(0.2)


@pytest.mark.parametrize(("weight_bp", "band"), [(0, Band(0, 0)), (10_000, Band(1, 1))])
def test_at_the_ends_nothing_else_fits(weight_bp: int, band: Band) -> None:
    assert binomial_band(weight_bp, 50) == band


def test_without_anybody_every_share_fits() -> None:
    assert binomial_band(5_000, 0) == Band(0.0, 1.0)


def test_a_heavy_hitter_is_found_among_more_keys_than_are_kept() -> None:
    rng, hitters = random.Random(8), HeavyHitters[int](size=50)
    for _ in range(20_000):
        hitters.add(-1 if rng.random() < 0.25 else rng.randrange(100_000))
    top = hitters.top()
    assert top is not None
    assert top[0] == -1
    assert 5_000 - 20_000 / 51 - 200 < top[1] <= 5_200
