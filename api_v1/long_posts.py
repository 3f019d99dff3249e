"""Pages of posts that are too long to be made at once: their contents are read and sent one by one.

A page of v1 has as many posts as it was asked for, however long they are. Each process sends one such answer at a time.
It ends in the middle of its JSON once its reader may no longer read. An exception would count as a failure of v1.
"""

import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import orjson
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from api_v1.kept import UNREAD
from api_v1.queries import content_of
from api_v1.responses import envelope, success
from cms.accounts.authentication import authenticate_again
from cms.costs.streams import sent_in_place
from cms.costs.turns import Places
from cms.errors import InvalidApiKey, InvalidToken, PermissionRefused
from cms.models import Post
from cms.policy import Actor
from cms.querysets.readers import Reader

UNBUFFERED: Final = {"X-Accel-Buffering": "no"}
"""For nginx, which else takes one long answer after the other and fills its disk while their readers are slow."""

type Now = Callable[[], datetime.datetime]

LONG_ANSWERS: Final = Places(1)
"""A reader may take as long as it likes, and keeps a thread so long."""


def answer_posts(request: Request, posts: Sequence[Post], data: Any, now: Now) -> HttpResponseBase:
    """Return the answer with `data`, which shows these posts. Raises Busy while another long one is sent."""
    unread = [post for post in posts if post.content == UNREAD]
    if not unread:
        return success(data)
    if request.method == "HEAD":
        return StreamingHttpResponse((), content_type="application/json")
    pieces = _pieces(orjson.dumps(envelope(data)), unread, request, now)
    sent = sent_in_place(LONG_ANSWERS, "long answers", pieces)
    return StreamingHttpResponse(sent, content_type="application/json", headers=UNBUFFERED)


def _pieces(body: bytes, unread: Sequence[Post], request: Request, now: Now) -> Iterator[bytes]:
    """Yield the body with each content in its place; with none for a post that has been hidden meanwhile."""
    before, *others = body.split(orjson.dumps(UNREAD))
    yield before
    for post, after in zip(unread, others, strict=True):
        try:
            reader = _same_reader(request)
        except (InvalidToken, InvalidApiKey, PermissionRefused):
            return
        yield orjson.dumps(content_of(post, reader, now()))
        yield after


def _same_reader(request: Request) -> Actor:
    """Return who reads. Raises PermissionRefused if their role has changed, and what `authenticate_again` raises."""
    reader: Actor = authenticate_again(request)
    if Reader.of(reader) != Reader.of(request.user):
        raise PermissionRefused
    return reader
