"""Tokens: issued for a password, renewed, revoked."""

from typing import Any, Final

from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from api_v2.json_schema import TEXT, described
from api_v2.serializers.bodies import Member, Members, read_body, read_texts
from api_v2.serializers.users import CURRENT_PASSWORD
from api_v2.views.api_view import ApiView
from api_v2.views.resources import refuse_members
from cms import policy
from cms.accounts.authentication import sign_out
from cms.services.sessions import TokenPair, open_session, refresh_session
from cms.services.signing_in import sign_in

TOKEN_TYPE: Final = "Bearer"  # noqa: S105 - the scheme's name
CREDENTIALS: Final[Members] = {
    "email": Member(described(TEXT, "An e-mail address or a username.")),
    "password": Member(CURRENT_PASSWORD),
    "code": Member(described(TEXT, "The code that the authenticator app shows, or a recovery code.")),
}
REQUIRED: Final = ("email", "password")


class TokenView(ApiView):
    is_replayable = False
    authentication_classes = []  # a client whose token has just expired still sends it along, and must get in again

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        body = read_body(self.body(), CREDENTIALS, REQUIRED)
        email, password, code = body["email"], body["password"], body.get("code")
        user = sign_in(username_or_email=email, password=password, code=code, now=self.now)
        return self.answer_once(_tokens(open_session(user=user, now=self.now)))


class TokenRefreshView(ApiView):
    is_replayable = False
    authentication_classes = []

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        (refresh_token,) = read_texts(self.body(), "refresh_token")
        _, pair = refresh_session(refresh_token=refresh_token, now=self.now)
        return self.answer_once(_tokens(pair))


class LogoutView(ApiView):
    """Ends the session behind the access token or the browser's cookie; takes no body."""

    is_replayable = False

    def post(self, request: Request) -> HttpResponse:
        self.require(policy.is_known, "Only who is signed in can sign out.")
        refuse_members(self)
        sign_out(self.http_request, self.now)
        return self.answer_nothing()


def _tokens(pair: TokenPair) -> dict[str, Any]:
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": TOKEN_TYPE,
        "expires_in": pair.expires_in,
    }
