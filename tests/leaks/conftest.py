"""The site with its secrets planted."""

import datetime
import logging
from collections.abc import Iterator

import pytest
from django.template.base import Template

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
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Thousands of refusals are asked for; a log of each with its traceback costs more than the answers."""
    logging.disable(logging.ERROR)
    # Django's test environment copies the context of each template that is rendered, of which a page has a hundred.
    monkeypatch.setattr(Template, "_render", lambda template, context: template.nodelist.render(context))
    yield
    logging.disable(logging.NOTSET)
