"""The site with its secrets planted."""

import datetime
import logging
from collections.abc import Iterator

import pytest

from tests.leaks.world import World, build_world, plant


@pytest.fixture
def site(db: None, now: datetime.datetime) -> World:
    """What is public, before anything is hidden in it."""
    return build_world(now)


@pytest.fixture
def world(site: World) -> World:
    plant(site)
    return site


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of refusals are asked for; a log of each with its traceback costs more than the answers."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)
