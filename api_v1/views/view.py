"""The base of every v1 view: JSON in and out, v1's error page, and the order in which a request is checked."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from api_v1.errors import handle_exception
from api_v1.parsers import JsonObjectParser
from cms import clock, policy
from cms.accounts.authentication import CredentialAuthentication, count_request, credential_of, note_use_after
from cms.costs.bodies import BYTES_MAX
from cms.errors import InsufficientScope, PermissionRefused
from cms.models import User
from cms.policy import Actor
from cms.services.origin import set_api_version

CREDENTIAL_HEADERS = ("Authorization", "X-API-Key", "Cookie")


class V1View(APIView):
    authentication_classes = [CredentialAuthentication]
    parser_classes = [JsonObjectParser]
    body_bytes_max: ClassVar[int] = BYTES_MAX
    """The largest body that it takes."""
    scopes: ClassVar[Mapping[str, str | None]] = {}
    """The scope that an API key needs for each method; see CredentialAuthentication."""
    is_limited: ClassVar[bool] = True
    """Whether requests are counted: health probes aren't."""

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Return none: REST framework's own would send Allow with every response."""
        return {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Admit and count the request: every refusal counts, and the refusal of too many requests comes first."""
        set_api_version(1)
        try:
            self.admit(request)
        finally:
            if self.is_limited:
                count_request(request._request, clock.now())

    def admit(self, request: Request) -> None:
        """Refuse a verb that the path lacks before credentials are read. Accept is never read."""
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(str(request.method))
        if request.method != "OPTIONS":
            self.perform_authentication(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(response, CREDENTIAL_HEADERS)
        if credential_of(request._request):
            response.headers.setdefault("Cache-Control", "private, no-cache")
        note_use_after(response, request._request, clock.now())
        return response

    def get_exception_handler(self) -> Any:
        return handle_exception

    def options(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        response = HttpResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})
        del response.headers["Content-Type"]
        return response

    def require(self, may: Callable[[Actor], bool] = policy.is_known) -> User:
        """Return the user behind the request: 401 for none, 403 without the right. Call it before reading the body."""
        user = self.request.user
        if not isinstance(user, User):
            raise NotAuthenticated if self.request.auth is None else InsufficientScope(None)
        if not may(user):
            raise PermissionRefused
        return user

    def parse(self, serializer_class: type[Serializer[Any]]) -> dict[str, Any]:
        """Return the fields of the body; a null counts as absent where it is allowed."""
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return {name: value for name, value in serializer.validated_data.items() if value is not None}
