"""The wheel, and one environment for each Django that it names: the oldest and this repository's own."""

import os
from pathlib import Path

import pytest

from tests.library.strangers import build_wheel, new_environment, pinned

OLDEST = "django==5.2.19"
OLDEST_REST_FRAMEWORK = "djangorestframework==3.16.0"
WANTED = os.environ.get("DJANGO")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session", params=[f"django=={WANTED}"] if WANTED else [OLDEST, pinned("django")])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """An interpreter that has the wheel, Django, REST framework and a driver for PostgreSQL."""
    rest_framework = OLDEST_REST_FRAMEWORK if request.param == OLDEST else pinned("djangorestframework")
    folder = tmp_path_factory.mktemp("environment")
    return new_environment(folder, wheel, request.param, rest_framework, pinned_driver())


def pinned_driver() -> str:
    name, _, version = pinned("psycopg").partition("==")
    return f"{name}[binary]=={version}"
