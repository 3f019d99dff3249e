"""Change many rows, each by itself, within the time that one request has: the rest is for the next one."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from cms import clock
from cms.admin.forms import shown_refusal
from cms.errors import CmsError
from cms.text.turns import text_turn

ROWS_MAX: Final = 500
ENOUGH_S: Final = 5.0
"""After so many seconds no further row is begun: others wait for the turn."""
READ_AT_ONCE: Final = 20
"""A row may be a megabyte."""
SHOWN_REFUSALS: Final = 10
"""Messages travel in a cookie."""


class Outcome(NamedTuple):
    done: int
    refusals: list[str]


def apply_to_each(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any], apply: Callable[..., object], said: str | Promise
) -> None:
    """Apply a change to each row, and say how many are `said`, such as "published". A refusal stops none of the others.

    Several rows take the turn of long texts: else one account could take all threads, for minutes. Raises Busy.
    """
    ids = list(queryset.values_list("pk", flat=True)[: ROWS_MAX + 1])
    count = len(ids) if len(ids) <= ROWS_MAX else queryset.count()
    with text_turn(ENOUGH_S) if count > 1 else nullcontext():
        done, refusals = _apply(request, _rows(queryset, ids[:ROWS_MAX]), apply)
    opts = model_admin.opts
    if done:
        noun = opts.verbose_name if done == 1 else opts.verbose_name_plural
        text = _("%(count)s %(noun)s %(done)s.") % {"count": done, "noun": noun, "done": said}
        model_admin.message_user(request, text, messages.SUCCESS)
    for text in refusals[:SHOWN_REFUSALS]:
        model_admin.message_user(request, text, messages.ERROR)
    if len(refusals) > SHOWN_REFUSALS:
        more = _("%(count)s more were refused.") % {"count": len(refusals) - SHOWN_REFUSALS}
        model_admin.message_user(request, more, messages.ERROR)
    if left := count - done - len(refusals):
        text = _("%(count)s left for lack of time: choose the action again for them.") % {"count": left}
        model_admin.message_user(request, text, messages.WARNING)


def _rows(queryset: QuerySet[Any], ids: Sequence[Any]) -> Iterator[Model]:
    for start in range(0, len(ids), READ_AT_ONCE):
        some = ids[start : start + READ_AT_ONCE]
        found = {row.pk: row for row in queryset.filter(pk__in=some)}
        yield from (found[pk] for pk in some if pk in found)


def _apply(request: HttpRequest, rows: Iterator[Model], apply: Callable[..., object]) -> Outcome:
    done, refusals, ends_at = 0, [], time.monotonic() + ENOUGH_S
    for row in rows:
        try:
            apply(request, row, clock.now())
            done += 1
        except CmsError as refusal:
            refusals.append(f"{row}: {shown_refusal(refusal)}")
        if time.monotonic() >= ends_at:
            break
    return Outcome(done, refusals)
