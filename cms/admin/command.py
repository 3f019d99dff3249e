"""The search of the command palette (Ctrl+K): pages of the site, and objects by their names or texts."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from unfold.dataclasses import SearchResult

from cms.admin.navigation import ICONS
from cms.search import searching

OBJECTS_MAX = 6
"""As many of each kind: the list has more."""
SEARCHED = ("post", "user", "tag", "category", "mediafile", "webhook", "apikey")


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """Return pages, then objects that this user may open. Each kind of object costs one statement or two."""
    with searching():
        return [*_pages(request, term), *_objects(request, term)]


def _pages(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    site: Any = admin.site
    unfold: Any = settings.UNFOLD
    menu = [item for group in site.get_sidebar_list(request) for item in group["items"]]
    account = [{**item, "icon": "account_circle"} for item in unfold["ACCOUNT"]["navigation"]]
    lists = {reverse(f"admin:{one.model._meta.app_label}_{one.model._meta.model_name}_changelist") for one in _admins()}
    for item in (*menu, *account):
        if term in str(item["title"]).lower() and item["link"] not in lists:  # Unfold finds the lists itself
            yield SearchResult(str(item["title"]), _("Page"), str(item["link"]), item["icon"])


def _objects(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    for model_admin in _admins():
        opts = model_admin.model._meta
        if opts.model_name not in SEARCHED or not model_admin.has_view_permission(request):
            continue
        rows = model_admin.get_queryset(request).defer(*model_admin.unlisted_fields)
        found, _repeats = model_admin.get_search_results(request, rows, term)
        found = found.order_by(*model_admin.get_ordering(request))
        for row in model_admin.get_paginator(request, found, OBJECTS_MAX).slice_of(found, 0, OBJECTS_MAX):
            link = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])
            yield SearchResult(str(row), str(opts.verbose_name), link, ICONS.get(opts.object_name, "table"))


def _admins() -> list[Any]:
    """Those of this project, in the order of SEARCHED."""
    ours = [one for one in admin.site._registry.values() if hasattr(one, "may_manage")]
    order = {name: place for place, name in enumerate(SEARCHED)}
    return sorted(ours, key=lambda one: order.get(str(one.model._meta.model_name), len(order)))
