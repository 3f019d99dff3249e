"""Views whose developers forgot to say what an API key needs for them, outside `/api`."""

from django.http import HttpResponse
from django.urls import path
from rest_framework.request import Request

from api_v1.responses import success
from api_v1.views.view import V1View
from api_v2.views.api_view import ApiView
from cms import policy


class Forgetful1(V1View):
    def get(self, request: Request) -> HttpResponse:
        return success(request.user.is_authenticated)

    def put(self, request: Request) -> HttpResponse:
        self.require()
        return success(None)


class Protected1(V1View):
    def get(self, request: Request) -> HttpResponse:
        return success(self.require().username)


class Forgetful2(ApiView):
    def get(self, request: Request) -> HttpResponse:
        return self.answer({"data": policy.is_known(self.actor)})

    def put(self, request: Request) -> HttpResponse:
        return self.answer_nothing()


class Protected2(ApiView):
    def get(self, request: Request) -> HttpResponse:
        self.require(policy.is_known, "Only for those we know.")
        return self.answer({"data": True})


urlpatterns = [
    path("planted/1/forgetful", Forgetful1.as_view()),
    path("planted/1/protected", Protected1.as_view()),
    path("planted/2/forgetful", Forgetful2.as_view()),
    path("planted/2/protected", Protected2.as_view()),
]
