"""The charset of requests: UTF-8. Django would read a query and a form in any that their sender names.

Python has codecs that make lone surrogates of a query, or no text at all, and keeps each unknown name for ever.
"""

from collections.abc import Callable, Iterable
from typing import Any

type WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def in_utf8(application: WsgiApp) -> WsgiApp:
    """Wrap `application`, so that it sees no parameter of a Content-Type but the boundary of its parts."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        content_type: str = environ.get("CONTENT_TYPE") or ""
        if ";" in content_type:
            media_type, *parameters = content_type.split(";")
            boundary = [each for each in parameters if each.strip().lower().startswith("boundary=")]
            environ["CONTENT_TYPE"] = ";".join([media_type, *boundary])
        return application(environ, start_response)

    return wrapped
