"""Repeatable requests: an answer is stored with the change that it reports, and returned again for its key.

Each API decides which requests are the same, and what an answer looks like.
"""

import datetime
import hashlib
import hmac
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction

from cms.errors import KeyInFlight, KeyReused
from cms.models import StoredAnswer
from cms.models.stored_answers import NOBODY
from cms.policy import Actor, is_known
from cms.rate_limits import KEPT_REFUSALS, Quota, take
from cms.services.kept_bytes import note_kept, refuse_if_spent
from cms.services.prepared import beginning_again
from cms.tokens.keys import key_for

LIFETIME: Final = datetime.timedelta(hours=24)
REFUSAL_BYTES_MAX: Final = 2_048


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    person: uuid.UUID | None = None
    """The user whose names the body holds, or the comment whose guest's: with these goes what is stored of it."""


@dataclass(frozen=True)
class RepeatableRequest:
    """A request with a key. `identity` covers sender, method, path and key; `body_digest` detects another body."""

    identity: str
    body_digest: str


def digest_of(parts: Iterable[bytes]) -> str:
    """Return a keyed digest: a part may be short and secret, such as a password. Each is preceded by its length."""
    digest = hashlib.blake2b(digest_size=32, key=key_for(b"tandem-repeats"))
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


@beginning_again
def perform_once(
    *,
    actor: Actor,
    request: RepeatableRequest,
    perform: Callable[[], Answer],
    kept_of: Callable[[Answer], Answer | None],
    now: datetime.datetime,
    ahead: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> tuple[Answer, bool]:
    """Return the answer of `perform`, and whether it is a stored one: then nothing is performed.

    `perform` runs in the transaction that stores its answer, or what `kept_of` leaves of it; `ahead` encloses this
    transaction. Raises KeyInFlight while the same request runs elsewhere, KeyReused when the key came with another
    body, TooMuchKept before anything is performed for `actor`.
    """
    with _alone(request.identity):
        if found := _answer_in(_stored(request), request, now):
            return found, True
        refuse_if_spent(actor, now)
        with ahead(), transaction.atomic():
            _lock(request.identity)
            stored = _stored(request)
            if found := _answer_in(stored, request, now):  # stored by another process since
                return found, True
            answer = perform()
            if kept := kept_of(answer):
                if stored is not None:
                    stored.delete()
                _store(request, kept, now)
                note_kept(actor, len(kept.body), now)
    return answer, False


def may_keep_refusal(answer: Answer, *, actor: Actor, now: datetime.datetime) -> bool:
    """Whether a refusal may take a row: anybody can cause any number, so they are short and few for each user.

    A refusal that is not kept changed nothing either, and its repetition is judged again.
    """
    if not is_known(actor) or len(answer.body) > REFUSAL_BYTES_MAX:
        return False
    return not take([Quota(KEPT_REFUSALS, str(actor.pk))], now).retry_after_s


def _stored(request: RepeatableRequest) -> StoredAnswer | None:
    return StoredAnswer.objects.filter(request_digest=request.identity).first()


def _answer_in(stored: StoredAnswer | None, request: RepeatableRequest, now: datetime.datetime) -> Answer | None:
    if stored is None or stored.created_at <= now - LIFETIME:
        return None
    if not hmac.compare_digest(stored.body_digest, request.body_digest):
        raise KeyReused
    return Answer(stored.status, stored.headers, bytes(stored.body))


def _store(request: RepeatableRequest, answer: Answer, now: datetime.datetime) -> None:
    StoredAnswer.objects.create(
        request_digest=request.identity,
        body_digest=request.body_digest,
        status=answer.status,
        headers=dict(answer.headers),
        body=answer.body,
        person=answer.person or NOBODY,
        created_at=now,
    )


# SQLite has one writer at a time: other processes wait for it, and threads of this one are told apart here.
_running: Final[set[str]] = set()
_guard: Final = threading.Lock()


@contextmanager
def _alone(identity: str) -> Iterator[None]:
    """Raises KeyInFlight when a thread of this process is at it."""
    if connection.vendor == "postgresql":
        yield  # see `_lock`
        return
    with _guard:
        if identity in _running:
            raise KeyInFlight
        _running.add(identity)
    try:
        yield
    finally:
        with _guard:
            _running.discard(identity)


def _lock(identity: str) -> None:
    """On PostgreSQL, lock the request until the transaction or process ends. Raises KeyInFlight if another has it."""
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(bytes.fromhex(identity)[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        (is_locked,) = cursor.fetchone()
    if not is_locked:
        raise KeyInFlight
