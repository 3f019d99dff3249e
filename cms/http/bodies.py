"""Request bodies: short ones are received before the application begins, and those in chunks are measured.

A credential is checked at the beginning: a body that comes slowly would keep it in force after a logout or a new
password. And Django trusts only `Content-Length`.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from time import monotonic
from typing import Any

type WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

IN_MEMORY_BYTES = 1024 * 1024
# Above any accepted body: a longer one is refused by its length, not read to its end.
BODY_BYTES_MAX = 64 * 1024 * 1024
PIECE_BYTES = 64 * 1024
LINGER_S = 5.0
PAUSE_S = 1.0


def received(application: WsgiApp) -> WsgiApp:
    """Wrap `application`, so that it sees a whole body if that is short, and the length of any body.

    Longer ones than IN_MEMORY_BYTES are uploads and long texts. They are read where their sender and length are known:
    strangers must not fill a disk with what will be refused. A proxy in front receives them to their end.
    """

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or ""
        is_chunked = not length and environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" in environ
        expected = BODY_BYTES_MAX + 1 if is_chunked else int(length) if length.isdecimal() else 0
        if expected <= 0:
            return application(environ, start_response)
        with ExitStack() as ending:
            is_long = expected > IN_MEMORY_BYTES
            if is_long:
                ending.callback(_linger, environ["wsgi.input"], environ.get("gunicorn.socket"))
            if is_chunked or not is_long:
                body = ending.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES))
                _copy(environ["wsgi.input"], body, expected)
                if is_chunked:
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


def _linger(source: Any, connection: Any) -> None:
    """Take in what the application has left of a body, after its answer: a proxy reads that once it has sent all.

    A connection that is closed with bytes unread is reset, and the proxy makes a 502 of a refusal that it has not read.
    """
    if connection is None:  # another server; only gunicorn is run behind a proxy
        return
    waited_s, ends_at, left = connection.gettimeout(), monotonic() + LINGER_S, BODY_BYTES_MAX
    with suppress(Exception):  # the client has gone, or sends no body in chunks: the answer is sent all the same
        connection.settimeout(PAUSE_S)
        while left > 0 and monotonic() < ends_at and (piece := source.read(PIECE_BYTES)):
            left -= len(piece)
    with suppress(OSError):
        connection.settimeout(waited_s)


def _copy(source: Any, target: Any, most: int) -> None:
    while (left := most - target.tell()) > 0 and (piece := source.read(min(PIECE_BYTES, left))):
        target.write(piece)
