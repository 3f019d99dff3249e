"""Answers to HEAD: the headers of a GET alone. Servers log a warning for each body that they have to drop."""

from collections.abc import Callable, Iterable
from typing import Any

from cms.http.charsets import WsgiApp


def without_bodies(application: WsgiApp) -> WsgiApp:
    """Wrap `application`, so that its answers to HEAD end with their headers."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        pieces = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return pieces
        # Django's waits for the end of an answer: connections go back, places are left, the use of a key is noted.
        if close := getattr(pieces, "close", None):
            close()
        return ()

    return wrapped
