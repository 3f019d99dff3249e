"""The page that shows a new secret: once, as the answer to the form that made it, and kept nowhere."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def show_secret(request: HttpRequest, secret: str, **context: Any) -> HttpResponse:
    """`context` has the page's `title`, a `label` for the secret, a sentence `hint`, and `next_url`."""
    request.current_app = admin.site.name
    context = {**admin.site.each_context(request), "secret": secret, **context}
    response = render(request, "cms/admin/secret.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response
