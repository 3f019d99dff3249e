"""The rehearsal's own checks say no to what is wrong."""

import pytest

from tests.rehearsal.checks import check_is_among
from tests.rehearsal.site import RehearsalError


def test_an_estimate_may_be_off_by_five_standard_errors() -> None:
    check_is_among(1.5, {"ratio": 2.7, "low": 1.8, "high": 4.05})
    for ratio in (3.0, 1 / 3):
        with pytest.raises(RehearsalError, match=rf"{ratio:.2f} times is an estimate of 1\.5 times"):
            check_is_among(1.5, {"ratio": ratio, "low": ratio / 1.25, "high": ratio * 1.25})
