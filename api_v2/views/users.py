"""Registering, and one's own profile."""

from django.http import HttpResponse
from rest_framework.request import Request

from api_v2.serializers.users import read_registration, write_own_user
from api_v2.views.api_view import ApiView
from cms import policy
from cms.models import User
from cms.services.users import register_user


class UsersView(ApiView):
    def post(self, request: Request) -> HttpResponse:
        fields, password = read_registration(self.body())
        user = register_user(fields=fields, password=password, now=self.now)
        return self.answer_once(write_own_user(user, self.viewer), status=201)


class MeView(ApiView):
    scopes = {"GET": None}

    def get(self, request: Request) -> HttpResponse:
        self.require(policy.is_known, "Only signed-in users have a profile.")
        user = self.actor
        assert isinstance(user, User)
        return self.answer(write_own_user(user, self.viewer), changed_at=user.updated_at)
