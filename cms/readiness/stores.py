"""The checklist's items about the database, its migrations and clock, Redis, and files. No detail holds a password."""

import datetime
import secrets
from collections.abc import Mapping
from typing import Any, Final

import redis
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from cms.models import Chore
from cms.services.pruning import CHORE

VERSION_MIN: Final = 15
REDIS_TIMEOUT_S: Final = 2
CLOCK_SKEW_MAX_S: Final = 1.0
"""The skew that rate limits over a sliding window and the leases of workers bear."""
MIGRATIONS_SHOWN: Final = 5
DAY: Final = datetime.timedelta(days=1)
PRUNE_AGE_MAX: Final = 2 * DAY

Wanted = Mapping[str, Any]


def database(now: datetime.datetime, wanted: Wanted) -> tuple[bool, str]:
    if connection.vendor != "postgresql":
        return False, "DATABASE_URL names SQLite, which is for trying things out: PostgreSQL 15 or newer is needed."
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000, current_setting('server_version')")
        major, version = cursor.fetchone()
    place = f"{settings.DATABASES['default']['NAME']} on {settings.DATABASES['default']['HOST'] or 'this machine'}"
    if major < VERSION_MIN:
        return False, f"PostgreSQL {version}, {place}: {VERSION_MIN} or newer is needed."
    return True, f"PostgreSQL {version}, {place}."


def migrations(now: datetime.datetime, wanted: Wanted) -> tuple[bool, str]:
    executor = MigrationExecutor(connection)
    pending = [str(migration) for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if pending:
        shown = ", ".join(pending[:MIGRATIONS_SHOWN]) + (" …" if len(pending) > MIGRATIONS_SHOWN else "")
        return False, f"{len(pending)} not applied: {shown}. Run `manage.py migrate --no-seed`."
    return True, f"All {len(executor.loader.applied_migrations)} are applied."


def redis_answers(now: datetime.datetime, wanted: Wanted) -> tuple[bool, str]:
    """Check that Redis takes writes too: one that only answers is a replica, or full."""
    if not settings.REDIS_URL:
        return False, "REDIS_URL is not set: each process counts rate limits for itself."
    key = f"tandem:readiness:{secrets.token_hex(8)}"
    with _redis() as client:
        client.set(key, "1", ex=10)
        client.delete(key)
        version = client.info("server")["redis_version"]
    return True, f"Redis {version} answers and takes writes."


def media_are_kept(now: datetime.datetime, wanted: Wanted) -> tuple[bool, str]:
    """Write, list, read and delete a file, as uploads and checks of content do."""
    bucket = settings.MEDIA_S3["MEDIA_S3_BUCKET"]
    folder, name = "media", f"readiness-{secrets.token_hex(8)}.txt"
    saved = default_storage.save(f"{folder}/{name}", ContentFile(b"ready"))
    try:
        _, names = default_storage.listdir(folder)
        with default_storage.open(saved) as file:
            is_sound = name in names and file.read() == b"ready"
    finally:
        default_storage.delete(saved)
    place = f"the bucket {bucket}" if bucket else f"{settings.MEDIA_ROOT}"
    return (
        is_sound,
        f"A file written to {place} was {'' if is_sound else 'not '}listed and read as it was, and deleted.",
    )


def was_pruned(now: datetime.datetime, wanted: Wanted) -> tuple[bool, str]:
    """A database younger than PRUNE_AGE_MAX holds nothing that outlived its retention."""
    done_at = Chore.objects.filter(name=CHORE).values_list("done_at", flat=True).first()
    since = done_at or MigrationRecorder(connection).migration_qs.aggregate(first=Min("applied"))["first"]
    if since is not None and since < now - PRUNE_AGE_MAX:
        last = f"The last `prune` was {(now - since) / DAY:.1f} days ago" if done_at else "`prune` has never run"
        return False, f"{last}; {PRUNE_AGE_MAX / DAY:g} days are allowed. `run_worker` prunes once a day: does it run?"
    return True, f"`prune` ran at {done_at:%Y-%m-%d %H:%M} UTC." if done_at else "The database is new."


def clocks_agree(now: datetime.datetime, wanted: Wanted) -> tuple[bool, str]:
    """Compare the database's clock, and Redis's where it answers, with that of this machine."""
    skews = {}
    if connection.vendor == "postgresql":
        skews["the database"] = _skew_of_database()
    if settings.REDIS_URL and (skew := _skew_of_redis()) is not None:
        skews["Redis"] = skew
    if not skews:
        return True, "There is no other clock than this machine's."
    told = " and ".join(
        f"{abs(skew):.3f} s {'ahead' if skew > 0 else 'behind'} in {name}" for name, skew in skews.items()
    )
    return max(map(abs, skews.values())) <= CLOCK_SKEW_MAX_S, f"{told}; at most {CLOCK_SKEW_MAX_S:g} s is allowed."


def _skew_of_database() -> float:
    connection.ensure_connection()  # or connecting would count as a skew
    with connection.cursor() as cursor:
        asked_at = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        answer: datetime.datetime = cursor.fetchone()[0]
        return _between(asked_at, answer, timezone.now())


def _skew_of_redis() -> float | None:
    try:
        with _redis() as client:
            client.ping()
            asked_at = timezone.now()
            seconds, microseconds = client.time()
            answered_at = timezone.now()
    except redis.RedisError:
        return None  # the item about Redis says so
    answer = datetime.datetime.fromtimestamp(seconds + microseconds / 1_000_000, datetime.UTC)
    return _between(asked_at, answer, answered_at)


def _between(asked_at: datetime.datetime, answer: datetime.datetime, answered_at: datetime.datetime) -> float:
    """Compare with the middle of the round trip, when the other clock was most likely read."""
    return (answer - asked_at - (answered_at - asked_at) / 2).total_seconds()


def _redis() -> redis.Redis:
    patience = {"socket_timeout": REDIS_TIMEOUT_S, "socket_connect_timeout": REDIS_TIMEOUT_S}
    client: redis.Redis = redis.Redis.from_url(settings.REDIS_URL, retry=Retry(NoBackoff(), 0), **patience)
    return client
