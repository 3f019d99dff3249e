"""Users: listing, reading, changing, deactivating. A list is for admins, one account also for its owner."""

from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from api_v1.field_names import names_of_v1
from api_v1.pagination import Page
from api_v1.queries import find_account, list_accounts
from api_v1.responses import success
from api_v1.serializers.users import ProofInput, UserChanges, changed_user_body, user_body, user_fields
from api_v1.views.view import V1View
from cms import clock, policy
from cms.accounts.authentication import signed_in_since
from cms.choices import Scope
from cms.services.confirming import confirm_changes
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

    @sensitive_variables()
    def put(self, request: Request, uuid: str) -> HttpResponse:
        """Change a user. v1's clients know no password here: without one the old address is asked whether it agrees."""
        user, now = self.require(), clock.now()
        account = find_account(uuid, user)
        changes = user_fields(self.parse(UserChanges), account)
        password, proof = self.parse(ProofInput).get("current_password"), None
        if password is not None:
            proof = confirm_changes(actor=user, user=account, changes=changes, current_password=password, now=now)
        with names_of_v1():
            account = update_user(actor=user, user=account, changes=changes, now=now, proof=proof)
        return success(changed_user_body(account, changes))

    def delete(self, request: Request, uuid: str) -> HttpResponse:
        user, now = self.require(), clock.now()
        account, signed_in_at = find_account(uuid, user), signed_in_since(request._request)
        deactivate_user(actor=user, user=account, now=now, signed_in_at=signed_in_at)
        return success({"message": "User deactivated"})
