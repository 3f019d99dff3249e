"""To those who may see none of it, a site with secrets answers byte for byte like the same site without them."""

import pytest
from django.core.cache import cache
from django.db import connection, transaction

from tests.leaks.walking import Walker, assert_nothing_leaks, questions_about
from tests.leaks.world import STRANGERS, World, plant
from tests.slow import slow_unless

QUICK = ["anonymous"] if connection.vendor == "postgresql" else []


@pytest.mark.parametrize("role", [slow_unless(role in QUICK, role) for role in STRANGERS])
def test_to_strangers_a_site_with_secrets_is_byte_for_byte_the_site_without(site: World, role: str) -> None:
    walker, insider = Walker(site, role), Walker(site, "editor")
    with transaction.atomic():
        plant(site)
        questions = questions_about(site)
        etags = insider.etags(questions)
        with_secrets = list(walker.walk(questions, etags))
        assert_nothing_leaks(with_secrets, site, role)
        transaction.set_rollback(True)
    cache.clear()
    without = list(walker.walk(questions, etags))
    pairs = list(zip(with_secrets, without, strict=True))
    differing = [f"{one.method} {one.url}" for one, other in pairs if one.comparable() != other.comparable()]
    assert not differing
