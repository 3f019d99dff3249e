"""A whole site behind real HTTP: gunicorn, a PostgreSQL database and a Redis of its own, and a user of every role."""

from collections.abc import Callable, Iterator

import pytest

from tests.live.site import Site, running_site


@pytest.fixture(scope="session")
def site(template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for the session: tests name what they make so that nobody stumbles over it. Only failed logins are limited."""
    limits = (
        "RATE_LIMIT_ANONYMOUS",
        "RATE_LIMIT_CREDENTIAL",
        "RATE_LIMIT_REGISTER",
        "RATE_LIMIT_COMMENTS",
        "RATE_LIMIT_OWN_CHANGES",
    )
    with running_site(template_of("postgresql"), tmp_path_factory.mktemp("live"), *limits) as site:
        yield site


@pytest.fixture(autouse=True)
def signed_in(request: pytest.FixtureRequest) -> None:
    if "site" in request.fixturenames:
        request.getfixturevalue("site").keep_signed_in()
