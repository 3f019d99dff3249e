"""Signing in to the admin site: a username or an e-mail address, and the domain's own check of the password."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from cms import clock
from cms.errors import InvalidCredentials, RateLimited, SecondFactorRequired
from cms.models import User
from cms.services.signing_in import sign_in


class UsernameOrEmailBackend(ModelBackend):
    """Django's permissions by group, and a login form that takes either name."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Return the user; None for wrong credentials, and without the second factor that the account has or needs.

        The request then has `second_step_of`, the user who goes on with the second step. After too many failures
        PermissionDenied, and the request has the sentence to be shown.
        """
        if username is None or password is None:
            return None
        try:
            return sign_in(username_or_email=username, password=password, now=clock.now())
        except InvalidCredentials:
            return None
        except SecondFactorRequired as refusal:
            if request is not None:
                request.second_step_of = refusal.user  # type: ignore[attr-defined]
            return None
        except RateLimited as refusal:
            if request is not None:
                request.login_refusal = refusal.message  # type: ignore[attr-defined]
            raise PermissionDenied(refusal.message) from refusal
