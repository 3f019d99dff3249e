"""Users: registering, the list for admins, public profiles, accounts and their states."""

import datetime
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from api_v2.errors import Problem, not_found
from api_v2.keyset import Sort, SortKey
from api_v2.pagination import PAGE_PARAMETERS, read_page_request
from api_v2.query import Query
from api_v2.serializers.bodies import read_body, read_texts
from api_v2.serializers.shapes import write_object
from api_v2.serializers.users import (
    DELETION,
    PRIVATE,
    PUBLIC,
    read_registration,
    read_user_changes,
)
from api_v2.sources import Source
from api_v2.views.api_view import ApiView
from api_v2.views.resources import answer_list, answer_one_of, refuse_members
from cms import policy
from cms.choices import Role, Scope
from cms.errors import InvalidTransition
from cms.ids import parse_uuid, with_id
from cms.models import User
from cms.policy import Actor
from cms.services.confirming import confirm_changes, confirm_deletion
from cms.services.user_deletion import delete_user
from cms.services.users import UserFields, register_user, registering, update_user

FILTERS: Final = ("role", "is_active", "q")
BOOLEANS: Final = {"true": True, "false": False}
SEARCHED: Final = ("username", "email", "display_name", "first_name", "last_name")
NEWEST_FIRST: Final = Sort((SortKey("created_at", is_descending=True),))

USERS: Final = Source(PUBLIC, lambda reader, given: User.objects.visible_to(reader, given.now))
ACCOUNTS: Final = Source(PRIVATE, USERS.rows)


class UsersView(ApiView):
    scopes = {"GET": Scope.USERS_READ}
    open_methods = ("POST",)
    takes_strangers = True
    parameters = {"GET": (*FILTERS, "fields", *PAGE_PARAMETERS)}

    def get(self, request: Request) -> HttpResponse:
        self.require(policy.may_manage_users, "Only admins list users.")
        wanted = read_page_request(self.http_request, self.query, sort=NEWEST_FIRST, filters=FILTERS)
        return answer_list(self, wanted, rows=_asked_for(self.query, self.actor), shape=PRIVATE)

    @sensitive_variables("password")
    def ahead(self) -> AbstractContextManager[None]:
        try:
            fields, password = read_registration(self.body())
        except Problem:
            return nullcontext()
        return registering(fields=fields, password=password, now=self.now)

    @sensitive_variables("password")
    def post(self, request: Request) -> HttpResponse:
        fields, password = read_registration(self.body())
        user = register_user(fields=fields, password=password, now=self.now)
        location, data = f"{self.viewer.base}/users/{user.pk}", write_object(user, PRIVATE, self.viewer)
        return self.answer_once(data, status=201, location=location, changed_at=user.updated_at)


class UserView(ApiView):
    scopes = {"GET": Scope.USERS_READ, "PATCH": Scope.USERS_WRITE, "DELETE": Scope.USERS_WRITE}
    parameters = {"GET": ("fields",)}

    def get(self, request: Request, user_id: str) -> HttpResponse:
        pk = parse_uuid(user_id)
        is_own = policy.is_known(self.actor) and self.actor.pk == pk
        return answer_one_of(self, ACCOUNTS if is_own or policy.may_manage_users(self.actor) else USERS, id=pk)

    @sensitive_variables()
    def patch(self, request: Request, user_id: str) -> HttpResponse:
        user, (changes, current_password) = account_of(self, user_id), read_user_changes(self.body())
        return answer_update(self, user, changes, current_password)

    @sensitive_variables()
    def delete(self, request: Request, user_id: str) -> HttpResponse:
        user = account_of(self, user_id)
        is_told = self.http_request.body and policy.is_oneself(self.actor, user)
        current_password = read_body(self.body(), DELETION).get("current_password") if is_told else None
        proof = confirm_deletion(actor=self.actor, user=user, current_password=current_password, now=self.now)
        with self.unchanged(user):
            delete_user(actor=self.actor, user=user, now=self.now, proof=proof)
        return self.answer_nothing()


class UserActionView(ApiView):
    """Actions of admins on an account; doing one twice is fine."""

    scopes = {"POST": Scope.USERS_WRITE}
    resource = UserView

    def admit(self, request: Request, now: datetime.datetime) -> None:
        super().admit(request, now)
        if request.method == "POST":
            self.require(policy.may_manage_users, "Only admins suspend, activate and promote users.")


class SuspendUserView(UserActionView):
    def post(self, request: Request, user_id: str) -> HttpResponse:
        refuse_members(self)
        return answer_update(self, account_of(self, user_id), {"is_active": False})


class ActivateUserView(UserActionView):
    def post(self, request: Request, user_id: str) -> HttpResponse:
        refuse_members(self)
        return answer_update(self, account_of(self, user_id), {"is_active": True})


class SetRoleView(UserActionView):
    def post(self, request: Request, user_id: str) -> HttpResponse:
        (role,) = read_texts(self.body(), "role")
        return answer_update(self, account_of(self, user_id), {"role": role})


def account_of(view: ApiView, user_id: str) -> User:
    """Return the account that the caller may change. A profile that may only be read is a 403, a hidden one a 404."""
    view.require(policy.is_known, "Only signed-in users change accounts.")
    pk = parse_uuid(user_id)
    user = with_id(User.objects.accounts_visible_to(view.actor), pk).first()
    if user is not None:
        return user
    if not with_id(User.objects.visible_to(view.actor, view.now), pk).exists():
        raise not_found()
    if policy.may_manage_users(view.actor):
        raise InvalidTransition("user", "deleted", "changed", ())
    raise Problem("permission_denied", "Only admins change other users.")


@sensitive_variables()
def answer_update(view: ApiView, user: User, changes: UserFields, current_password: str | None = None) -> HttpResponse:
    proof = confirm_changes(
        actor=view.actor, user=user, changes=changes, current_password=current_password, now=view.now
    )
    with view.unchanged(user):
        user = update_user(actor=view.actor, user=user, changes=changes, now=view.now, proof=proof)
    return view.answer_once(write_object(user, PRIVATE, view.viewer), changed_at=user.updated_at)


def _asked_for(query: Query, actor: Actor) -> QuerySet[Any]:
    """Return the users that an admin's list asks for."""
    rows: QuerySet[Any] = User.objects.accounts_visible_to(actor)
    if roles := query.choices("role", Role.values):
        rows = rows.filter(role__in=roles)
    if states := query.choices("is_active", tuple(BOOLEANS)):
        rows = rows.filter(is_active__in=[BOOLEANS[state] for state in states])
    if text := query.text("q"):
        condition = Q()
        for name in SEARCHED:
            condition |= Q(**{f"{name}__icontains": text})
        rows = rows.filter(condition)
    return rows
