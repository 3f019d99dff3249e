"""`Idempotency-Key`: a repeated POST gets its first response (draft-ietf-httpapi-idempotency-key)."""

import datetime
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Final

import orjson
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from api_v2.errors import REFUSALS, Problem
from api_v2.links import resource_path
from api_v2.uploads import MEDIA_TYPE, parts_of
from cms.accounts.authentication import credential_of
from cms.ids import parse_uuid
from cms.policy import Actor
from cms.services.idempotency import Answer, RepeatableRequest, digest_of, may_keep_refusal

KEY_LENGTH_MAX: Final = 255
REPLAYED: Final = "Idempotency-Replayed"
NAMING: Final = {"username": "id", "author_name": "author"}
"""Members of answers that are a person's, each with the member beside it that has the person's id."""
# Permission and rate limit are checked again each time: another response may be true a moment later.
_NEVER_KEPT: Final = frozenset({401, 429})


def read_key(request: HttpRequest) -> str | None:
    """Return the key, None without the header. It is opaque text: quotes around it are a part of it."""
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise Problem("invalid_idempotency_key", f"An Idempotency-Key has 1 to {KEY_LENGTH_MAX} characters.")
    return key


def repeatable(request: HttpRequest, key: str, *, takes_parts: bool) -> RepeatableRequest:
    """Return the request: same credential, or else same address, and same path, whether pinned or by the entrance.

    A client that learns its version from the first answer repeats the request on the pinned path, and means the same.
    """
    credential = credential_of(request)
    sender = credential.subject if credential else f"address:{request.META.get('REMOTE_ADDR', '')}"
    identity = digest_of(text.encode() for text in (sender, str(request.method), resource_path(request), key))
    return RepeatableRequest(identity, digest_of(_content(request, takes_parts)))


def _content(request: HttpRequest, takes_parts: bool) -> Iterator[bytes]:
    yield request.META.get("QUERY_STRING", "").encode()
    yield str(request.content_type).encode()
    if not takes_parts or request.content_type != MEDIA_TYPE:
        yield request.body  # kept for the handler: once its parts are read, Django gives no body
        return
    texts, files = parts_of(request)  # part by part: the boundary between them is another one each time
    yield orjson.dumps(sorted(texts.lists()))
    for name, uploads in sorted(files.lists()):
        for upload in uploads:
            yield orjson.dumps([name, str(upload.name), upload.size])
            yield from upload.chunks()


def attempt(perform: Callable[[], HttpResponse], refuse: Callable[[Exception], HttpResponse]) -> Answer:
    """Return the response of `perform`, or the refusal for its error, with all that it changed until then undone.

    A fault of the server goes on as its exception: it ends the whole transaction, and nothing is stored.
    """
    try:
        with transaction.atomic():
            response = perform()
    except REFUSALS as error:
        response = refuse(error)
    return Answer(response.status_code, dict(response.headers), response.content)


def kept_of(answer: Answer, secret_members: Collection[str], *, actor: Actor, now: datetime.datetime) -> Answer | None:
    """Return what to store of an answer: never a secret, and few refusals.

    A success of any length is stored, and counts as kept bytes: without it the change would be made twice.
    """
    if answer.status in _NEVER_KEPT or answer.status >= 500:
        return None
    if answer.status >= 400:
        return answer if may_keep_refusal(answer, actor=actor, now=now) else None
    person = person_of(answer.body)
    if not secret_members:
        return replace(answer, person=person)
    body = orjson.dumps({**orjson.loads(answer.body), **dict.fromkeys(secret_members)})
    return Answer(answer.status, {**answer.headers, "Content-Length": str(len(body))}, body, person)


def person_of(body: bytes) -> uuid.UUID | None:
    """Return the id of the user whose names an answer holds, of a guest's that of the comment.

    Long texts are searched for the members, not parsed.
    """
    members = [member for member in NAMING if f'"{member}":'.encode() in body]
    said = orjson.loads(body) if members else {}
    ids = [parse_uuid(str(said.get(name))) for member in members for name in (NAMING[member], "id")]
    return next(filter(None, ids), None)


def written(answer: Answer, *, is_replayed: bool) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status)
    del response.headers["Content-Type"]
    for name, value in answer.headers.items():
        response.headers[name] = value
    if is_replayed:
        response.headers[REPLAYED] = "true"
    return response
