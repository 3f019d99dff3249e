"""What the services' tests share: posts, terms, the names of audit events, and threads that all start at once."""

import datetime
import io
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, models

from cms.errors import CmsError, InvalidInput
from cms.models import AuditEvent, Category, Comment, MediaFile, Post, Tag, User
from cms.policy import SYSTEM
from cms.services.categories import create_category
from cms.services.comments import create_comment
from cms.services.media import upload_media
from cms.services.posts import create_post, update_post
from cms.services.tags import create_tag
from cms.services.users import register_user
from tests.cms.media.pictures import photograph

MINUTE = datetime.timedelta(minutes=1)
WAITING = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def wait_until_waited_for() -> None:
    """Return once another transaction waits for this one."""
    deadline = time.monotonic() + 60
    is_waited_for = False
    with connection.cursor() as cursor:
        while not is_waited_for:
            assert time.monotonic() < deadline
            time.sleep(0.01)
            cursor.execute(WAITING)
            [(is_waited_for,)] = cursor.fetchall()


@pytest.fixture
def make_tag(db: None, now: datetime.datetime) -> Callable[..., Tag]:
    def make(name: str, **fields: Any) -> Tag:
        return create_tag(actor=SYSTEM, fields={"name": name, **fields}, now=now)  # type: ignore[typeddict-item]

    return make


@pytest.fixture
def make_category(db: None, now: datetime.datetime) -> Callable[..., Category]:
    def make(name: str, **fields: Any) -> Category:
        return create_category(actor=SYSTEM, fields={"name": name, **fields}, now=now)  # type: ignore[typeddict-item]

    return make


@pytest.fixture
def make_comment(db: None, now: datetime.datetime) -> Callable[..., Comment]:
    """`make_comment(post, by=user, status="published", parent=…)`: any comment, as an importer would write it."""

    def make(post: Post, *, by: User | None = None, **fields: Any) -> Comment:
        values = {"text": "Well said.", "author": by or post.author, **fields}
        return create_comment(actor=SYSTEM, post=post, fields=values, now=now)  # type: ignore[arg-type]

    return make


@pytest.fixture
def register(db: None, now: datetime.datetime) -> Callable[..., User]:
    def make(password: str = "tall trees in a row", **fields: Any) -> User:
        values: Any = {"username": "mia", "email": "mia@example.org", **fields}
        return register_user(fields=values, password=password, now=now)

    return make


@pytest.fixture
def events_of() -> Callable[[models.Model], list[str]]:
    """The actions in the audit trail of one object, oldest first."""

    def find(subject: models.Model) -> list[str]:
        return list(AuditEvent.objects.filter(object_id=subject.pk).order_by("pk").values_list("action", flat=True))

    return find


@pytest.fixture
def in_threads(transactional_db: None) -> Callable[..., list[Any]]:
    """`in_threads(jobs)`: runs every job in a thread of its own, all from one moment on; what they gave or raised."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time: nothing races there")

    def run(jobs: Iterable[Callable[[], Any]]) -> list[Any]:
        jobs = list(jobs)
        start = threading.Barrier(len(jobs))

        def work(job: Callable[[], Any]) -> Any:
            try:
                start.wait(60)
                return job()
            except Exception as error:
                return error
            finally:
                connection.close()

        with ThreadPoolExecutor(len(jobs)) as pool:
            return list(pool.map(work, jobs))

    return run


@pytest.fixture
def write(author: User, now: datetime.datetime) -> Callable[..., Post]:
    """`write(title="…")`: a draft as the author's own request would make it."""

    def make(**fields: Any) -> Post:
        values: Any = {"title": "A post", "content": "Some *content*.", **fields}
        return create_post(actor=author, fields=values, now=now)

    return make


@pytest.fixture
def change(author: User, now: datetime.datetime) -> Callable[..., Post]:
    def make(post: Post, **changes: Any) -> Post:
        return update_post(actor=author, post=post, changes=changes, now=now + MINUTE)  # type: ignore[typeddict-item]

    return make


def codes(error: CmsError) -> list[tuple[str, str]]:
    assert isinstance(error, InvalidInput)
    return [(each.field, each.code) for each in error.errors]


@pytest.fixture
def stored(media_place: Any) -> Callable[[], list[str]]:
    """The files that are in the storage now; a test with this runs on a folder and on a bucket."""
    return media_place.names  # type: ignore[no-any-return]


@pytest.fixture
def upload(media_root: None, now: datetime.datetime) -> Callable[..., MediaFile]:
    def make(by: Any, content: bytes | None = None, name: str = "photo.jpg", **fields: str) -> MediaFile:
        file = io.BytesIO(photograph(size=(400, 300)) if content is None else content)
        return upload_media(actor=by, upload=file, original_name=name, fields=fields, now=now)

    return make
