"""The audit trail: who did what to which object, by name, with a link, filters and an export."""

import csv
import json
from collections.abc import Iterable, Iterator
from itertools import batched
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy, gettext_noop
from unfold.decorators import display

from cms import clock, policy
from cms.accounts.sessions import user_of_browser_now
from cms.admin.audit_names import Named, name_events, name_values
from cms.admin.filters import ObjectTypeFilter
from cms.admin.options import LightChangeList, ReadOnlyAdmin
from cms.admin.shown import shown_instant
from cms.costs.streams import sent_in_place
from cms.costs.turns import Places
from cms.models import AuditEvent
from cms.querysets.walking import walk_by_key

EXPORTED_AT_ONCE: Final = 500
EXPORTS: Final = Places(1)
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
"""A reader may take as long as it likes, and keeps a thread so long."""
NAME_SHOWN: Final = 60
HEADER: Final = (
    *("at", "action", "object_type", "object", "object_id", "actor", "ip", "api_version", "request_id"),
    *("before", "after"),
)


class NamingChangeList(LightChangeList):
    """A page of events whose objects have their names, by one more query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: Any = name_events(self.result_list)


class AuditedTypeFilter(ObjectTypeFilter):
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        more = ("invitation", "redirect", "group", "transfer")
        return [*super().lookups(request, model_admin), *((name, name) for name in more)]


class DeedFilter(SimpleListFilter):
    """The kinds of events that admins look for."""

    title = gettext_lazy("event")
    parameter_name = "deed"
    kinds = {
        "signing_in": (gettext_lazy("Signing in"), "auth."),
        "accounts": (gettext_lazy("Accounts"), "user."),
        "content": (gettext_lazy("Posts"), "post."),
        "moderation": (gettext_lazy("Comments"), "comment."),
        "keys": (gettext_lazy("API keys"), "api_key."),
        "webhooks": (gettext_lazy("Webhooks"), "webhook."),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, label) for name, (label, _beginning) in self.kinds.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        kind = self.kinds.get(self.value() or "")
        return queryset.filter(action__startswith=kind[1]) if kind else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    may_manage = staticmethod(policy.may_see_audit)
    list_display = ["happened", "action", "object", "by", "address", "version"]
    list_filter = [DeedFilter, AuditedTypeFilter, "created_at"]
    linked_lookups = ("object_id__exact",)
    list_select_related = ["actor"]
    list_before_template = "cms/admin/audit_export.html"
    search_fields = ["object_id__exact", "request_id__exact", "action__startswith", "actor__username__iexact"]
    search_help_text = gettext_lazy("Object or request id, beginning of an action, username")
    ordering = ["-created_at", "-pk"]
    fields = [
        *("happened", "action", "object_type", "object", "object_id", "by"),
        *("named_before", "named_after", "address", "request_id", "version"),
    ]

    @display(description=gettext_lazy("When"), ordering="created_at")
    def happened(self, event: AuditEvent) -> str:
        return shown_instant(event.created_at)

    @display(description=gettext_lazy("Object"))
    def object(self, event: Any) -> str:
        named: Named = getattr(event, "named", None) or name_events([event])[0].named
        shown = Truncator(named.name).chars(NAME_SHOWN)
        name = format_html('<span class="block min-w-52" dir="auto">{}</span>', shown)
        if named.route:
            name = format_html('<a href="{}">{}</a>', reverse(named.route, args=[event.object_id]), name)
        return format_html('{}<span class="text-subtle">{}</span>', name, event.object_type)

    @display(description=gettext_lazy("By"), ordering="actor")
    def by(self, event: AuditEvent) -> str:
        if event.actor_id is None or event.actor is None:
            return "-"
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:cms_user_change", args=[event.actor_id]), event.actor.username
        )

    @display(description=gettext_lazy("Before"))
    def named_before(self, event: AuditEvent) -> str:
        return _shown(name_values(event.before))

    @display(description=gettext_lazy("After"))
    def named_after(self, event: AuditEvent) -> str:
        return _shown(name_values(event.after))

    @display(description=gettext_lazy("IP address"))
    def address(self, event: AuditEvent) -> str:
        return event.ip or "-"

    @display(description=gettext_lazy("API version"))
    def version(self, event: AuditEvent) -> str:
        return str(event.api_version or "-")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        rows: QuerySet[AuditEvent] = super().get_queryset(request).visible_to(request.user)
        return rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[NamingChangeList]:
        return NamingChangeList

    def get_urls(self) -> list[Any]:
        export = self.admin_site.admin_view(self.export_view)
        return [path("export/", export, name="cms_auditevent_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Return all events that the list's filters and search leave, the newest first, as CSV. Raises Busy.

        A filter that no list takes leads to the list, which says so.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            events = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{reverse('admin:cms_auditevent_changelist')}?{ERROR_FLAG}=1")
        name = f"tandem-audit-{clock.now():%Y-%m-%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        lines = sent_in_place(EXPORTS, gettext_noop("exports of the audit trail"), _csv(events, request))
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _shown(values: dict[str, Any]) -> str:
    if not values:
        return "-"
    rows = [(name, value if isinstance(value, str) else _json(value)) for name, value in values.items()]
    return format_html_join("", '<span class="block break-words" dir="auto">{}: {}</span>', rows)


class _Echo:
    def write(self, value: str) -> str:
        return value


def _csv(events: QuerySet[AuditEvent], request: HttpRequest) -> Iterator[str]:
    """Yield the lines. Raises PermissionDenied once the reader may not see them any more: the file breaks off."""
    writer: Any = csv.writer(_Echo())
    yield writer.writerow(HEADER)
    for some in batched(walk_by_key(events, "-pk", at_once=EXPORTED_AT_ONCE), EXPORTED_AT_ONCE):
        reader = user_of_browser_now(request)
        if reader is None or not policy.may_see_audit(reader):
            raise PermissionDenied
        yield "".join(writer.writerow([_safe(cell) for cell in _cells(event)]) for event in name_events(some))


def _cells(event: Any) -> Iterable[Any]:
    yield event.created_at.isoformat()
    yield from (event.action, event.object_type, event.named.name, event.object_id)
    yield from (event.actor.username if event.actor else "", event.ip or "", event.api_version or "")
    yield from (event.request_id, _json(event.before), _json(event.after))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _safe(cell: Any) -> str:
    """Return a cell that a spreadsheet would take for a formula as text."""
    text = str(cell)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text
