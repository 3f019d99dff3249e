"""The identities that the rollout knows by name, for `whatif`: `CANARY["LIST_IDENTITIES"]`."""

import datetime
from collections.abc import Iterator
from itertools import chain
from typing import Final

from cms.models import ApiKey, User

CHUNK: Final = 2_000


def list_identities(now: datetime.datetime) -> Iterator[tuple[str, str]]:
    """Return kind and id of all users and API keys that can still sign in, as requests carry them; read in chunks."""
    users = User.objects.filter(is_active=True).order_by().values_list("pk", flat=True)
    keys = ApiKey.objects.live(now).filter(owner__is_active=True).order_by()
    prefixes = keys.values_list("prefix", flat=True)
    return chain(
        (("user", str(pk)) for pk in users.iterator(chunk_size=CHUNK)),
        (("key", prefix) for prefix in prefixes.iterator(chunk_size=CHUNK)),
    )
