"""The identities that the rollout knows by name, for `whatif`: `CANARY["LIST_IDENTITIES"]`."""

import datetime
from collections.abc import Iterator
from itertools import chain
from typing import Final

from cms.models import ApiKey, User
from cms.querysets.walking import walk_by_key

CHUNK: Final = 2_000


def list_identities(now: datetime.datetime) -> Iterator[tuple[str, str]]:
    """Return kind and id of all users and API keys that can still sign in, as requests carry them."""
    users = User.objects.filter(is_active=True).values_list("pk", flat=True)
    prefixes = ApiKey.objects.live(now).filter(owner__is_active=True).values_list("prefix", flat=True)
    return chain(
        (("user", str(pk)) for pk in walk_by_key(users, at_once=CHUNK)),
        (("key", prefix) for prefix in walk_by_key(prefixes, "prefix", at_once=CHUNK)),
    )
