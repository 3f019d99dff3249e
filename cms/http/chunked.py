"""Chunked request bodies: Django trusts only `Content-Length`, so a body without one is measured before it goes on."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

type WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

IN_MEMORY_BYTES = 1024 * 1024
# Above any accepted body: a longer one is refused by its length, not read to its end.
BODY_BYTES_MAX = 64 * 1024 * 1024
PIECE_BYTES = 64 * 1024


def measured(application: WsgiApp) -> WsgiApp:
    """Wrap `application`, so that it sees the length of every body that its server passes on without one."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not (environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH")):
            return application(environ, start_response)
        if "HTTP_TRANSFER_ENCODING" not in environ:
            return application(environ, start_response)
        with ExitStack() as ending:
            body = ending.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES))
            _copy(environ["wsgi.input"], body)
            environ["CONTENT_LENGTH"] = str(body.tell())
            body.seek(0)
            environ["wsgi.input"] = body
            return _Answer(application(environ, start_response), ending.pop_all())

    return wrapped


class _Answer:
    """The pieces of an answer. Its end is theirs, and then that of the body that the application has read."""

    def __init__(self, pieces: Iterable[bytes], ending: ExitStack) -> None:
        self._pieces, self._ending = pieces, ending
        # Django's waits for the end of an answer: connections go back, places are left, the use of a key is noted.
        if close := getattr(pieces, "close", None):
            ending.callback(close)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def close(self) -> None:
        self._ending.close()


def _copy(source: Any, target: Any) -> None:
    while target.tell() <= BODY_BYTES_MAX and (piece := source.read(PIECE_BYTES)):
        target.write(piece)
