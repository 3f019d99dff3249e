"""Change many rows, each by itself, within the time that one request has: the rest is for the next one."""

import time
from collections.abc import Callable, Iterator
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
"""Rows that one request changes. Refused ones cost little, and take no place of others."""
ENOUGH_S: Final = 5.0
"""After so many seconds no further row is begun: others wait for the turn."""
READ_AT_ONCE: Final = 20
"""A row may be a megabyte."""
SHOWN_REFUSALS: Final = 10
"""Messages travel in a cookie."""
LEFT_BELOW: Final = "pk__lt"
"""The parameter of a list that shows only the rows below an id: those that are left."""


class Outcome(NamedTuple):
    done: int
    refused: int
    refusals: list[str]
    """The first of them."""
    last: Any
    """The id of the last row that had its turn, if the request had no time for more."""


def apply_to_each(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any], apply: Callable[..., object], said: str | Promise
) -> Any:
    """Apply a change to each row, and say how many are `said`, such as "published". A refusal stops none of the others.

    The greatest id comes first. If rows are left, return the id below which they are.
    Several rows take the turn of long texts: else one account could take all threads, for minutes. Raises Busy.
    """
    queryset = queryset.order_by("-pk")
    with text_turn(ENOUGH_S) if len(queryset.values_list("pk")[:2]) > 1 else nullcontext():
        done, refused, refusals, last = _apply(request, _rows(queryset), apply)
    opts = model_admin.opts
    if done:
        noun = opts.verbose_name if done == 1 else opts.verbose_name_plural
        text = _("%(count)s %(noun)s %(done)s.") % {"count": done, "noun": noun, "done": said}
        model_admin.message_user(request, text, messages.SUCCESS)
    for text in refusals:
        model_admin.message_user(request, text, messages.ERROR)
    if more := refused - len(refusals):
        text = _("%(count)s more were refused.") % {"count": more}
        model_admin.message_user(request, text, messages.ERROR)
    left = queryset.filter(**{LEFT_BELOW: last}).count() if last is not None else 0
    if not left:
        return None
    text = _("%(count)s left for lack of time: choose the action again for them.") % {"count": left}
    model_admin.message_user(request, text, messages.WARNING)
    return last


def _rows(queryset: QuerySet[Any]) -> Iterator[Model]:
    rest = queryset
    while ids := list(rest.values_list("pk", flat=True)[:ROWS_MAX]):
        for start in range(0, len(ids), READ_AT_ONCE):
            some = ids[start : start + READ_AT_ONCE]
            found = {row.pk: row for row in queryset.filter(pk__in=some)}
            yield from (found[pk] for pk in some if pk in found)
        rest = queryset.filter(**{LEFT_BELOW: ids[-1]})


def _apply(request: HttpRequest, rows: Iterator[Model], apply: Callable[..., object]) -> Outcome:
    done, refused, refusals, ends_at = 0, 0, list[str](), time.monotonic() + ENOUGH_S
    for row in rows:
        pk = row.pk  # a deleted row has none
        try:
            apply(request, row, clock.now())
            done += 1
        except CmsError as refusal:
            refused += 1
            if refused <= SHOWN_REFUSALS:
                refusals.append(f"{row}: {shown_refusal(refusal)}")
        if done >= ROWS_MAX or time.monotonic() >= ends_at:
            return Outcome(done, refused, refusals, pk)
    return Outcome(done, refused, refusals, None)
