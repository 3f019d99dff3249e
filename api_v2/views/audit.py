"""The audit trail, for admins: who did what to which object, the newest first."""

from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from api_v2.json_schema import TEXT_OR_NULL, UUID, UUID_OR_NULL, or_null, ref
from api_v2.keyset import stored_forms
from api_v2.pagination import PAGE_PARAMETERS, read_page_request
from api_v2.query import Query
from api_v2.serializers.shapes import OBJECT, Shape, column, instant
from api_v2.views.api_view import ApiView
from api_v2.views.resources import answer_list
from api_v2.views.users import NEWEST_FIRST
from cms import policy
from cms.models import AuditEvent

FILTERS: Final = ("actor", "action", "object", "after", "before")
AUDIT_EVENT: Final[Shape] = {
    "id": column("id", UUID),
    "created_at": instant("created_at"),
    "actor": column("actor_id", UUID_OR_NULL),
    "action": column("action"),
    "object": OBJECT,
    "before": column("before", ref("AuditValues")),
    "after": column("after", ref("AuditValues")),
    "ip": column("ip", TEXT_OR_NULL),
    "request_id": column("request_id"),
    "api_version": column("api_version", or_null({"type": "integer"})),
}


class AuditView(ApiView):
    parameters = {"GET": (*FILTERS, "fields", *PAGE_PARAMETERS)}

    def get(self, request: Request) -> HttpResponse:
        self.require(policy.may_see_audit, "Only admins read the audit trail.")
        wanted = read_page_request(self.http_request, self.query, sort=NEWEST_FIRST, filters=FILTERS)
        rows = _asked_for(self.query, AuditEvent.objects.visible_to(self.actor))
        return answer_list(self, wanted, rows=rows, shape=AUDIT_EVENT)


def _asked_for(query: Query, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Filter events; `after` and `before` leave out the instant that they name."""
    after, before = query.instant("after"), query.instant("before")
    lookups: dict[str, Any] = {
        "actor_id__in": query.ids("actor"),
        "action__in": query.words("action"),
        "object_id__in": query.ids("object"),
        "created_at__gt": after and stored_forms(after)[1],
        "created_at__lt": before and stored_forms(before)[0],
    }
    return rows.filter(**{lookup: value for lookup, value in lookups.items() if value})
