"""The reading functions of the domain, walked as every role: the same rules as over HTTP, before there is an address."""

import pytest

from cms.errors import NotFound
from cms.models import Post
from cms.services.revisions import compare_revisions, get_revision
from tests.leaks.domain_paths import DOMAIN_READS, domain_reads
from tests.leaks.walking import secrets_in
from tests.leaks.world import ROLES, World

STRANGERS = ("anonymous", "subscriber", "commenter", "other_author")


def test_every_reading_function_is_walked() -> None:
    missing = domain_reads() - DOMAIN_READS.keys()
    assert not missing, "say in tests/leaks/domain_paths.py how these are walked"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_given_what_it_may_read_and_nothing_else(world: World, role: str) -> None:
    actor = world.actor(role)
    leaks, seen = set(), set()
    for name, read in DOMAIN_READS.items():
        try:
            text = "\n".join(map(str, read(world, actor)))
        except NotFound:
            continue
        words = secrets_in(text.encode(), world)
        seen |= words
        leaks |= {f"{name}: {world.secrets[word].place}" for word in words if role not in world.secrets[word].may}
    assert not leaks
    posts = [word for word, secret in world.secrets.items() if " post's " in secret.place]
    assert posts
    assert (set(posts) <= seen) is (role not in STRANGERS)


@pytest.mark.parametrize("role", STRANGERS)
def test_strangers_are_told_of_no_revision(world: World, role: str) -> None:
    actor = world.actor(role)
    for post in Post.objects.all():
        revision = post.revisions.order_by("number").first()
        assert revision is not None
        with pytest.raises(NotFound):
            get_revision(actor=actor, post=post, number=revision.number)
        with pytest.raises(NotFound):
            compare_revisions(actor=actor, older=revision, newer=revision)
