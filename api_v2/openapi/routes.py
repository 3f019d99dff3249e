"""The routes of v2: their paths, their verbs, and the declarations of their views."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.urls import get_resolver

from api_v2.openapi.operations import Operation
from api_v2.views.api_view import ApiView

_PARAMETER: Final = re.compile(r"<\w+:(\w+)>")
_VERBS: Final = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Route:
    path: str
    """Below the base, with `{name}` for what varies."""
    view: type[ApiView]

    @property
    def verbs(self) -> list[str]:
        """Return the verbs without HEAD, which goes with GET, and OPTIONS, which is everywhere."""
        return [verb for verb in _VERBS if hasattr(self.view, verb)]

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    def takes_credentials(self, verb: str) -> bool:
        return bool(self.view.authentication_classes) and verb.upper() not in self.view.open_methods

    def query_of(self, verb: str) -> tuple[str, ...]:
        return tuple(self.view.parameters.get(verb.upper(), ()))

    def takes_idempotency_key(self, verb: str) -> bool:
        return verb == "post" and self.view.is_replayable

    def takes_if_match(self, verb: str, operation: Operation) -> bool:
        is_action = verb == "post" and "/actions/" in self.path
        return operation.is_conditional and (verb in ("patch", "delete") or is_action)

    def has_etag(self, verb: str, operation: Operation) -> bool:
        return verb == "get" and operation.is_conditional


def routes() -> Iterator[Route]:
    for pattern in get_resolver("api_v2.urls").url_patterns:
        written: Any = pattern
        view = getattr(written.callback, "cls", None)
        path = "/" + _PARAMETER.sub(r"{\1}", str(written.pattern))
        if view is not None and not path.startswith("/("):  # the end of the URLconf answers for unknown paths
            yield Route(path, view)
