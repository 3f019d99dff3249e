"""Tokens: issued for a password, renewed, revoked."""

from typing import Any, Final

from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from api_v2.serializers.bodies import Body, read_texts
from api_v2.views.api_view import ApiView
from api_v2.views.resources import refuse_members
from cms import policy
from cms.accounts.authentication import sign_out
from cms.services.sessions import TokenPair, open_session, refresh_session
from cms.services.signing_in import sign_in

TOKEN_TYPE: Final = "Bearer"  # noqa: S105 - the scheme's name
REQUIRED: Final = ("email", "password")
MEMBERS: Final = (*REQUIRED, "code")


class TokenView(ApiView):
    is_replayable = False
    authentication_classes = []  # a client whose token has just expired still sends it along, and must get in again

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        body = Body(self.body(), MEMBERS)
        email, password = (body.text(name, is_required=True) or "" for name in REQUIRED)
        code = body.text("code")
        body.finish()
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
