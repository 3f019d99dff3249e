"""Fixtures that every package's tests share: users of each role, clients that speak for them, a fixed clock."""

import datetime
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache as django_cache
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone
from whitenoise.middleware import WhiteNoiseMiddleware

from canary.state import store
from cms.models import Post, User
from cms.policy import SYSTEM
from cms.rate_limits.counting import clear_process
from cms.services import prepared
from cms.services.origin import Origin, set_origin
from cms.services.post_states import publish_post
from cms.services.posts import PostFields, create_post
from cms.services.sessions import open_session
from cms.services.users import create_user
from cms.text.rendering import render_html
from tests.buckets import Bucket, Folder, ObjectStore, object_store
from tests.case_ids import case_id
from tests.databases import drop_template, shared_template
from tests.hashers import OvertakenHasher
from tests.session import CORPORA, MEDIA
from tests.turns import outside_of_transactions

PASSWORD = "a long enough pass-phrase"
CHEAP_HASHER = "tests.hashers.CheapArgon2PasswordHasher"


@pytest.fixture(autouse=True)
def _clean_process_state() -> Iterator[None]:
    set_origin(Origin())
    yield
    clear_process()
    django_cache.clear()  # in Redis the rate limits too
    store.forget()


@pytest.fixture(autouse=True)
def _media_are_written_to_a_folder_of_the_test() -> Iterator[None]:
    """In the one that tests share, the next test would find them, and an hour later call them strays."""
    yield
    left = [path for path in MEDIA.rglob("*") if path.is_file()]
    shutil.rmtree(MEDIA, ignore_errors=True)
    assert left == []


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_looked_for_once() -> Iterator[None]:
    """Each client loads the middleware anew, and WhiteNoise would open two hundred files for it: 8 ms for each client."""
    found: dict[str, Any] = {}
    look = WhiteNoiseMiddleware.add_files_from_finders

    def look_once(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_hashed_cheaply() -> Iterator[None]:
    with override_settings(PASSWORD_HASHERS=[CHEAP_HASHER, *django_settings.PASSWORD_HASHERS[1:]]):
        yield


@pytest.fixture(scope="session", autouse=True)
def _turns_are_waited_for_outside_of_transactions() -> Iterator[None]:
    with outside_of_transactions():
        yield


@pytest.fixture
def now() -> datetime.datetime:
    return timezone.now()


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    """`make_user("author", username="mia")`: a user with a role; `password=None` for one who can't sign in."""

    def make(role: str = "subscriber", *, password: str | None = None, **fields: Any) -> User:
        username = fields.pop("username", None) or f"{role}_{User.objects.count()}"
        values = {"username": username, "email": f"{username}@example.org", "role": role, **fields}
        return create_user(actor=SYSTEM, fields=values, password=password, now=timezone.now())  # type: ignore[typeddict-item]

    return make


@pytest.fixture
def meanwhile(settings: Any) -> Iterator[Callable[[Callable[[], object]], None]]:
    """`meanwhile(act)`: another request does this once the next password has been checked or hashed."""
    settings.PASSWORD_HASHERS = ["tests.hashers.OvertakenHasher", *settings.PASSWORD_HASHERS[1:]]
    yield partial(setattr, OvertakenHasher, "act")
    OvertakenHasher.act = None


@pytest.fixture
def author(make_user: Callable[..., User]) -> User:
    return make_user("author")


@pytest.fixture
def editor(make_user: Callable[..., User]) -> User:
    return make_user("editor")


@pytest.fixture
def admin(make_user: Callable[..., User]) -> User:
    return make_user("admin", username="chief")


@pytest.fixture
def make_post(author: User) -> Callable[..., Post]:
    """`make_post(title="…", is_published=False)`: a post by `author`, published an hour ago unless said otherwise."""

    def make(*, by: User | None = None, is_published: bool = True, **fields: Any) -> Post:
        now = timezone.now()
        published_at = fields.pop("published_at", now - datetime.timedelta(hours=1))
        values: PostFields = {"title": "A post", "content": "Some *content*.", **fields}  # type: ignore[typeddict-item]
        post = create_post(actor=SYSTEM, fields=values, now=now, author=by or author)
        if is_published:
            post = publish_post(actor=SYSTEM, post=post, now=now, published_at=published_at)
        return post

    return make


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """A test client that sends an access token of `user`."""

    def make(user: User) -> Client:
        token = open_session(user=user, now=timezone.now()).access_token
        return Client(headers={"authorization": f"Bearer {token}"})

    return make


@pytest.fixture
def rendered_under_lock(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each text that is rendered from now on, whether that was within a transaction."""
    seen: list[bool] = []

    def look(content: str, content_format: str) -> str:
        seen.append(connection.in_atomic_block)
        return render_html(content, content_format)

    monkeypatch.setattr(prepared, "render_html", look)
    return seen


@pytest.fixture(scope="session")
def template_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """`template_of("sqlite")`: the URL of a database with all tables and no rows, to be handed to copied_database."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return lambda engine: shared_template(engine, folder)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a case by its value where pytest would number it."""
    return case_id(val)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        drop_template()


@pytest.fixture(scope="session")
def a_store() -> Iterator[ObjectStore]:
    with object_store() as store:
        yield store


@pytest.fixture
def bucket(a_store: ObjectStore, settings: Any) -> Bucket:
    """An empty one, which the settings name."""
    bucket = a_store.new_bucket()
    for name, value in bucket.settings().items():
        setattr(settings, name, value)
    return bucket


@pytest.fixture
def media_root(settings: Any, tmp_path: Path) -> None:
    """Media are kept in a folder of the test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture(params=["folder", "bucket"])
def media_place(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Folder | Bucket:
    """Where media are kept: the test runs once for each kind."""
    if request.param == "bucket":
        kept: Bucket = request.getfixturevalue("bucket")
        return kept
    settings.MEDIA_ROOT = tmp_path / "media"
    return Folder(tmp_path / "media")


@pytest.fixture(scope="session")
def corpora() -> Any:
    if not CORPORA.is_dir():
        pytest.skip(f"the corpora are not at {CORPORA}")
    return CORPORA
