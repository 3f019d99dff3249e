"""Actions confirmed by mail: a new password, the verification of an address."""

from typing import Final

from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from api_v2.errors import ErrorItem, invalid_body
from api_v2.json_schema import TEXT, described
from api_v2.serializers.bodies import Member, Members, read_body, read_texts
from api_v2.views.api_view import ApiView
from cms.services.email_verification import request_email_verification, verify_email
from cms.services.passwords import request_password_reset, reset_password

VERIFICATION: Final[Members] = {
    "token": Member(described(TEXT, "The token of the mail.")),
    "email": Member(described(TEXT, "The address, for another mail.")),
}


class MailView(ApiView):
    """A mail is requested for an address, and the response is the same 202 for every address."""

    authentication_classes = []  # someone who has lost a password may still send a token that has expired
    is_replayable = False


class PasswordResetView(MailView):
    def post(self, request: Request) -> HttpResponse:
        (email,) = read_texts(self.body(), "email")
        request_password_reset(email=email, now=self.now)
        return self.answer_nothing(status=202)


class PasswordResetConfirmView(MailView):
    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        token, password = read_texts(self.body(), "token", "password")
        reset_password(token=token, password=password, now=self.now)
        return self.answer_nothing()


class VerifyEmailView(MailView):
    """With the token of a mail, or with the address that wants another mail."""

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        body = read_body(self.body(), VERIFICATION)
        token, email = body.get("token"), body.get("email")
        if (token is None) == (email is None):
            raise invalid_body([ErrorItem("required", "Either 'token' or 'email' is required.", pointer="/token")])
        if token is not None:
            verify_email(token=token, now=self.now)
            return self.answer_nothing()
        request_email_verification(email=email or "", now=self.now)
        return self.answer_nothing(status=202)
