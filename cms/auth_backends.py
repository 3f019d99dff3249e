"""Signing in to the admin site: a username or an e-mail address, and the domain's own check of the password."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from cms.errors import InvalidCredentials
from cms.models import User
from cms.services.users import authenticate_user


class UsernameOrEmailBackend(ModelBackend):
    """Django's permissions by group, and a login form that takes either name."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if username is None or password is None:
            return None
        try:
            return authenticate_user(username_or_email=username, password=password)
        except InvalidCredentials:
            return None
