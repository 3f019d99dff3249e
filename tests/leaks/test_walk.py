"""Every read path is walked as every role: nobody reads what is hidden from them, and what may be read is found."""

import pytest
from django.core.cache import cache
from django.db import transaction

from tests.leaks.walking import Answer, Walker, leaks_in, questions_about, statuses_of
from tests.leaks.world import ROLES, World, plant

STRANGERS = ("anonymous", "subscriber", "other_author")


@pytest.mark.parametrize("role", [role for role in ROLES if role not in STRANGERS])
def test_a_role_reads_what_it_may_and_nothing_else(world: World, role: str) -> None:
    questions = questions_about(world)
    etags = Walker(world, "editor").etags(questions)
    _assert_nothing_leaks(list(Walker(world, role).walk(questions, etags)), world, role)


@pytest.mark.parametrize("role", STRANGERS)
def test_to_strangers_a_site_with_secrets_is_byte_for_byte_the_site_without(site: World, role: str) -> None:
    walker, insider = Walker(site, role), Walker(site, "editor")
    with transaction.atomic():
        plant(site)
        questions = questions_about(site)
        etags = insider.etags(questions)
        with_secrets = list(walker.walk(questions, etags))
        _assert_nothing_leaks(with_secrets, site, role)
        transaction.set_rollback(True)
    cache.clear()
    without = list(walker.walk(questions, etags))
    pairs = list(zip(with_secrets, without, strict=True))
    differing = [f"{one.method} {one.url}" for one, other in pairs if one.comparable() != other.comparable()]
    assert not differing


def _assert_nothing_leaks(answers: list[Answer], world: World, role: str) -> None:
    failures = [answer.url for answer in answers if answer.status >= 500]
    assert not failures
    leaks, seen = leaks_in(answers, world, role)
    assert not leaks
    overlooked = sorted(s.place for word, s in world.secrets.items() if role in s.must and word not in seen)
    assert not overlooked, f"{role} may read these and found them nowhere"
    # Whoever is refused is refused too when the question comes with the right validator.
    for url, statuses in statuses_of(answers).items():
        if statuses.get("GET", 200) >= 400:
            assert set(statuses.values()) == {statuses["GET"]}, url
