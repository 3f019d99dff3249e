"""API keys of one's own: listing, issuing, revoking."""

from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from api_v1.field_names import names_of_v1
from api_v1.pagination import Page
from api_v1.queries import find_api_key_row, list_own_api_keys
from api_v1.responses import success
from api_v1.serializers.api_keys import ApiKeyInput, api_key_body
from api_v1.views.view import V1View
from cms import clock
from cms.services.api_keys import create_api_key, revoke_api_key


class ApiKeyListView(V1View):
    def get(self, request: Request) -> HttpResponse:
        return success(Page(list_own_api_keys(self.require()), request.query_params).body(api_key_body))

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        user = self.require()
        values = self.parse(ApiKeyInput)
        with names_of_v1():
            issued = create_api_key(
                actor=user,
                owner=user,
                fields={"name": values["name"], "scopes": values["permissions"]},
                now=clock.now(),
            )
        return success({"api_key": api_key_body(issued.api_key), "raw_key": issued.raw_key}, 201)


class ApiKeyView(V1View):
    def delete(self, request: Request, uuid: str) -> HttpResponse:
        user = self.require()
        revoke_api_key(actor=user, api_key=find_api_key_row(uuid, user), now=clock.now())
        return success({"message": "API key revoked"})
