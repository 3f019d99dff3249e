"""The end of v1's routes: what no other route has taken."""

from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from api_v1.views.view import V1View


class NotFoundView(V1View):
    def admit(self, request: Request) -> None:
        """Whatever the verb and the credentials."""
        raise NotFound
