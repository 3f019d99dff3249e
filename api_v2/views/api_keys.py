"""API keys: one's own, or all of them for an admin. No key manages keys."""

from django.db.models import QuerySet
from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from api_v2.pagination import PAGE_PARAMETERS, read_page_request
from api_v2.serializers.api_keys import API_KEY, read_api_key
from api_v2.serializers.shapes import write_object
from api_v2.views.api_view import ApiView
from api_v2.views.resources import answer_changed, answer_list, answer_one, found
from api_v2.views.users import NEWEST_FIRST
from cms import policy
from cms.ids import parse_uuid, with_id
from cms.models import ApiKey, User
from cms.services.api_keys import create_api_key, revoke_api_key, update_api_key

FILTERS = ("owner",)
SIGNED_IN = "Only signed-in users have API keys."


class ApiKeysView(ApiView):
    parameters = {"GET": (*FILTERS, "fields", *PAGE_PARAMETERS)}
    is_replayable = False

    def get(self, request: Request) -> HttpResponse:
        self.require(policy.is_known, SIGNED_IN)
        wanted = read_page_request(self.http_request, self.query, sort=NEWEST_FIRST, filters=FILTERS)
        rows = ApiKey.objects.visible_to(self.actor)
        if owners := self.query.ids("owner"):
            rows = rows.filter(owner_id__in=owners)
        return answer_list(self, wanted, rows=rows, shape=API_KEY)

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        """Return the only response that ever holds `secret`."""
        self.require(policy.is_known, SIGNED_IN)
        owner = self.actor
        assert isinstance(owner, User)
        issued = create_api_key(actor=owner, owner=owner, fields=read_api_key(self.body(), is_new=True), now=self.now)
        data = {**write_object(issued.api_key, API_KEY, self.viewer), "secret": issued.raw_key}
        return self.answer_once(data, status=201, location=f"{self.viewer.base}/api-keys/{issued.api_key.pk}")


class ApiKeyView(ApiView):
    parameters = {"GET": ("fields",)}

    def get(self, request: Request, key_id: str) -> HttpResponse:
        return answer_one(self, rows=self._rows_of(key_id), shape=API_KEY)

    def patch(self, request: Request, key_id: str) -> HttpResponse:
        api_key, changes = found(self._rows_of(key_id)), read_api_key(self.body(), is_new=False)
        with self.unchanged(api_key):
            update_api_key(actor=self.actor, api_key=api_key, changes=changes, now=self.now)
        return answer_changed(self, api_key, API_KEY)

    def delete(self, request: Request, key_id: str) -> HttpResponse:
        """Revoke the key: it stays visible. Doing it twice is fine."""
        api_key = found(self._rows_of(key_id))
        with self.unchanged(api_key):
            revoke_api_key(actor=self.actor, api_key=api_key, now=self.now)
        return self.answer_nothing()

    def _rows_of(self, key_id: str) -> QuerySet[ApiKey]:
        self.require(policy.is_known, SIGNED_IN)
        return with_id(ApiKey.objects.visible_to(self.actor), parse_uuid(key_id))
