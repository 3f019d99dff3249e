"""Users: listing, reading, changing, deactivating. A list is for admins, one account also for its owner."""

from django.http import HttpResponse
from rest_framework.request import Request

from api_v1.field_names import names_of_v1
from api_v1.pagination import Page
from api_v1.queries import find_account, list_accounts
from api_v1.responses import success
from api_v1.serializers.users import UserChanges, user_body, user_fields
from api_v1.views.view import V1View
from cms import clock, policy
from cms.choices import Scope
from cms.services.users import deactivate_user, update_user


class UserListView(V1View):
    scopes = {"GET": Scope.USERS_READ}

    def get(self, request: Request) -> HttpResponse:
        user = self.require(policy.may_manage_users)
        return success(Page(list_accounts(request.query_params, user), request.query_params).body(user_body))


class UserView(V1View):
    scopes = {"GET": Scope.USERS_READ, "PUT": Scope.USERS_WRITE, "DELETE": Scope.USERS_WRITE}

    def get(self, request: Request, uuid: str) -> HttpResponse:
        return success(user_body(find_account(uuid, self.require())))

    def put(self, request: Request, uuid: str) -> HttpResponse:
        user = self.require()
        account = find_account(uuid, user)
        changes = user_fields(self.parse(UserChanges), account)
        with names_of_v1():
            account = update_user(actor=user, user=account, changes=changes, now=clock.now())
        return success(user_body(account))

    def delete(self, request: Request, uuid: str) -> HttpResponse:
        user = self.require()
        deactivate_user(actor=user, user=find_account(uuid, user), now=clock.now())
        return success({"message": "User deactivated"})
