"""The band around a share, and finding whoever sends too much."""

import random

import pytest

from canary.core.shares import Band, HeavyHitters, binomial_band, lower_limit, upper_limit


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


@pytest.mark.parametrize(
    ("failed", "total", "error", "low", "high"),
    [
        # The limits that R's binom.test gives.
        (0, 10, 0.025, 0.0, 0.3085),
        (1, 10, 0.025, 0.0025, 0.4450),
        (5, 100, 0.05, 0.0199, 0.1023),
        (10, 10, 0.001, 0.5012, 1.0),
        (3, 3, 0.001, 0.1, 1.0),
    ],
)
def test_limits_of_a_share_are_exact(failed: int, total: int, error: float, low: float, high: float) -> None:
    assert lower_limit(failed, total, error) == pytest.approx(low, abs=5e-5)
    assert upper_limit(failed, total, error) == pytest.approx(high, abs=5e-5)


def test_limits_of_large_samples_are_as_a_normal_approximation_says() -> None:
    for total in (10_000, 1_000_000):
        half = 3.09 * (0.02 * 0.98 / total) ** 0.5
        assert lower_limit(total // 50, total, 0.001) == pytest.approx(0.02 - half, rel=0.02)
    assert upper_limit(0, 0, 0.05) == 1.0


def test_a_heavy_hitter_is_found_among_more_keys_than_are_kept() -> None:
    rng, hitters = random.Random(8), HeavyHitters[int](size=50)
    for _ in range(20_000):
        hitters.add(-1 if rng.random() < 0.25 else rng.randrange(100_000))
    top = hitters.top()
    assert top is not None
    assert top[0] == -1
    assert 5_000 - 20_000 / 51 - 200 < top[1] <= 5_200
