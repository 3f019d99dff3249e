"""What every v1 view is: JSON in and out, v1's error page, and the order in which a request is looked at."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from api_v1.errors import handle_exception
from api_v1.parsers import JsonObjectParser
from cms import policy
from cms.authentication import AccessTokenAuthentication
from cms.errors import PermissionRefused
from cms.models import User
from cms.origin import set_api_version
from cms.policy import Actor


class V1View(APIView):
    authentication_classes = [AccessTokenAuthentication]
    parser_classes = [JsonObjectParser]

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None: REST framework's own would send Allow with every answer."""
        return {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """A verb that the path lacks is refused before credentials are looked at. Accept is never looked at."""
        set_api_version(1)
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(str(request.method))
        if request.method != "OPTIONS":
            self.perform_authentication(request)

    def get_exception_handler(self) -> Any:
        return handle_exception

    def options(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        response = HttpResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})
        del response.headers["Content-Type"]
        return response

    def require(self, may: Callable[[Actor], bool] = policy.is_known) -> User:
        """The user behind the request: 401 when there is none, 403 for one who may not. Call it before reading the body."""
        user = self.request.user
        if not isinstance(user, User):
            raise NotAuthenticated
        if not may(user):
            raise PermissionRefused
        return user

    def parse(self, serializer_class: type[Serializer[Any]]) -> dict[str, Any]:
        """The fields that the body gives; a null counts as absent where it is allowed."""
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return {name: value for name, value in serializer.validated_data.items() if value is not None}
