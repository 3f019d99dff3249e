"""When a post is public, and that no filter undoes it."""

import datetime
import itertools
from typing import Any

from django.contrib.auth.models import AnonymousUser

from cms.models import Post
from tests.cms.querysets.viewers import HOUR, STATES


def test_a_post_appears_and_goes_on_the_instant(make_in_state: Any, now: Any) -> None:
    make_in_state("scheduled", expires_at=now + 2 * HOUR)
    tick = datetime.timedelta(microseconds=1)
    instants = (now + HOUR - tick, now + HOUR, now + 2 * HOUR - tick, now + 2 * HOUR)
    assert [Post.objects.visible_to(AnonymousUser(), instant).count() for instant in instants] == [0, 1, 1, 0]


def test_every_pair_of_filters_keeps_the_rule_of_visibility(make_in_state: Any, now: Any) -> None:
    """Chained in either order, no filter brings back what `visible_to` left out."""
    for state in STATES:
        make_in_state(state)
    anyone = AnonymousUser()
    for name, other in itertools.permutations(("posts", "live", "not_trashed"), 2):
        before = getattr(getattr(Post.objects.all(), name)(), other)().visible_to(anyone, now)
        after = getattr(getattr(Post.objects.visible_to(anyone, now), name)(), other)()
        assert before.count() == after.count() == 1
