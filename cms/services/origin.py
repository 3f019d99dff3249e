"""Where the current change comes from, for the audit trail: address, request id, API version.

A context variable rather than a parameter: it concerns every service and decides nothing in any of them.
"""

from contextvars import ContextVar
from typing import NamedTuple


class Origin(NamedTuple):
    ip: str | None = None
    request_id: str = ""
    api_version: int | None = None
    traceparent: str = ""
    """W3C Trace Context as the client sent it, checked; empty without one."""

    @property
    def trace_id(self) -> str:
        return self.traceparent[3:35]


_NOWHERE = Origin()
_current: ContextVar[Origin] = ContextVar("cms_origin", default=_NOWHERE)


def current_origin() -> Origin:
    return _current.get()


def set_origin(origin: Origin) -> None:
    _current.set(origin)


def set_api_version(version: int) -> None:
    _current.set(_current.get()._replace(api_version=version))
