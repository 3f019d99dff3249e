"""How many SQL statements an answer takes, counted in a process of its own over the same database."""

import json
import sys
from typing import Any

from tests.servers import manage

ARMS = {"drf": {1: "tests.bench.plain_drf"}, "empty": {2: "tests.bench.empty"}}
PATHS = {"post_get": "/posts/{post}", "post_list": "/posts", "tag_list": "/tags?limit=100"}


def count_statements(env: dict[str, str]) -> dict[tuple[str, str], int]:
    """By endpoint and label of the server, of the second anonymous read."""
    done = manage("shell", "-c", "from tests.bench.statements import print_counts; print_counts()", env=env)
    if done.returncode:
        sys.exit(done.stderr)
    return {(endpoint, server): count for endpoint, server, count in json.loads(done.stdout.splitlines()[-1])}


def print_counts() -> None:
    from django.conf import settings  # noqa: PLC0415 - the process that measures has no settings

    canary: Any = settings.CANARY
    cache_mb = settings.PUBLIC_CACHE_MB
    counts = []
    for server in ("v1", "v2 warm", "v2 cold", "drf", "empty"):
        settings.PUBLIC_CACHE_MB = 0 if server == "v2 cold" else cache_mb
        settings.CANARY = {**canary, "ARMS": {**canary["ARMS"], **ARMS.get(server, {})}}
        base = "/api/v2" if server[:2] in ("v2", "em") else "/api/v1"
        counts += [(endpoint, server, _count(f"{base}{path}")) for endpoint, path in PATHS.items()]
    print(json.dumps(counts))


def _count(path: str) -> int:
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from cms.models import Post  # noqa: PLC0415

    post = Post.objects.public(timezone.now()).posts().order_by("-created_at")[:1].get()
    client = Client(headers={"host": "localhost"})
    client.get(path.format(post=post.pk))
    with CaptureQueriesContext(connection) as queries:
        client.get(path.format(post=post.pk))
    return len(queries)
