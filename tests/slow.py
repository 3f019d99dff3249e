"""Cases that only `make test-all` runs, beside those that `make test` keeps of their kind."""

from typing import Any

import pytest


def slow(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


def slow_unless(is_kept: bool, *values: Any) -> Any:
    return pytest.param(*values) if is_kept else slow(*values)
