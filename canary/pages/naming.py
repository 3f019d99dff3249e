"""The names of the versions in the words of the page.

Its messages say v1 and v2, in each language, as the core's sentences do. Within `naming` every message that is looked
up comes with the names of the journey, and no text of a person changes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import get_language, trans_real

from canary.core.names import FIRST, Names, in_names
from canary.state.store import current_snapshot


class _Catalogue:
    """The messages of a language with the names in them; it is asked as Django asks its own."""

    def __init__(self, messages: Any, names: Names) -> None:
        self._messages, self._names = messages, names

    def gettext(self, message: str) -> str:
        return in_names(self._messages.gettext(message), self._names)

    def ngettext(self, one: str, many: str, count: int) -> str:
        return in_names(self._messages.ngettext(one, many, count), self._names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._messages, name)


@contextmanager
def naming(names: Names) -> Iterator[None]:
    """Have messages say these names in this thread."""
    if names == FIRST:
        yield
        return
    with translation.override(get_language() or settings.LANGUAGE_CODE):
        active: Any = trans_real._active  # type: ignore[attr-defined]
        active.value = _Catalogue(active.value, names)
        yield


def named[**P, R: HttpResponseBase](view: Callable[P, R]) -> Callable[P, R]:
    """Have a view say the names in force."""

    @wraps(view)
    def shown(*args: P.args, **kwargs: P.kwargs) -> R:
        with naming(current_snapshot().names):
            return view(*args, **kwargs)

    return shown
