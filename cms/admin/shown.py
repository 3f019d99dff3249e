"""Parts that several pages of the admin site show: instants in the reader's time zone, and a new secret, once."""

import datetime
from typing import Any, NamedTuple

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime


class Labelled(NamedTuple):
    """A state and the word for it: lists take the colour by the state, and forms show the word alone."""

    state: str
    word: Any

    def __str__(self) -> str:
        return str(self.word)


def shown_instant(instant: datetime.datetime | None) -> str:
    """Return it on one line, or a dash."""
    if instant is None:
        return "-"
    return format_html(
        '<span class="whitespace-nowrap">{}</span>', date_format(localtime(instant), "SHORT_DATETIME_FORMAT")
    )


def show_secret(request: HttpRequest, secret: str, **context: Any) -> HttpResponse:
    """`context` has the page's `title`, a `label` for the secret, a sentence `hint`, and `next_url`."""
    request.current_app = admin.site.name
    context = {**admin.site.each_context(request), "secret": secret, **context}
    response = render(request, "cms/admin/secret.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response
