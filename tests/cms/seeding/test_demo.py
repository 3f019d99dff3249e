"""Whom the published demo password lets in."""

import pytest
from pytest_django.fixtures import Settings

from cms.seeding.demo import PASSWORD, default_password


@pytest.mark.parametrize(("is_sqlite", "password"), [(True, PASSWORD), (False, None)], ids=["a file", "a server"])
def test_the_published_password_is_for_databases_of_this_machine_alone(
    settings: Settings, is_sqlite: bool, password: str | None
) -> None:
    settings.IS_SQLITE = is_sqlite
    assert default_password() == password
