"""A version's real URLconf with something around each of its views."""

import re
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, Final

from django.http import HttpResponse
from django.urls import URLPattern, URLResolver

View = Callable[..., HttpResponse]

REMEMBERED: Final = 50
took_v1_s: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
"""How long v1's latest answers took in this process, by route as `shape_of` tells it."""


def wrapped(entry: Any, wrap: Callable[[str, View], View]) -> URLPattern | URLResolver:
    """The same routes under the same names, so that all that is recorded is as ever. `wrap` is told the route's shape."""
    if isinstance(entry, URLResolver):
        return URLResolver(entry.pattern, [wrapped(one, wrap) for one in entry.url_patterns], entry.default_kwargs)
    view = wrap(shape_of(str(entry.pattern)), entry.callback)
    return URLPattern(entry.pattern, view, entry.default_args, entry.name)


def shape_of(route: str) -> str:
    """`posts/{}`: the same for both versions of one thing."""
    return re.sub(r"<[^>]*>", "{}", route).strip("/")
