"""Actions confirmed by mail: a new password, the verification of an address."""

from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from api_v2.errors import ErrorItem, invalid_body
from api_v2.serializers.bodies import Body, read_texts
from api_v2.views.api_view import ApiView
from cms.services.email_verification import request_email_verification, verify_email
from cms.services.passwords import request_password_reset, reset_password


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
        body = Body(self.body(), ("token", "email"))
        token, email = body.text("token"), body.text("email")
        body.finish()
        if (token is None) == (email is None):
            raise invalid_body([ErrorItem("required", "Either 'token' or 'email' is required.", pointer="/token")])
        if token is not None:
            verify_email(token=token, now=self.now)
            return self.answer_nothing()
        request_email_verification(email=email or "", now=self.now)
        return self.answer_nothing(status=202)
