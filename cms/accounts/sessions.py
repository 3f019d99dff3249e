"""The session engine (`SESSION_ENGINE`): Django's sessions in the database, which find their user by the same query."""

import re
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, get_random_string

from cms import clock, policy
from cms.models import BrowserSession, User
from cms.services.browser_sessions import delete_browser_session, name_of

KEY: Final = re.compile(r"[a-z0-9]{32}")
"""The form of all keys that Django makes."""
SECOND_FACTOR_KEY: Final = "second_factor_at"
"""The name of the mark in a session whose user has proved a second factor."""


class SessionStore(DatabaseStore):
    user: User | None = None
    """Whose session the database says it is; known once the session is loaded."""
    _row: BrowserSession | None = None

    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        return BrowserSession

    def create_model_instance(self, data: dict[str, Any]) -> BrowserSession:
        row: Any = super().create_model_instance(data)
        row.user_id = data.get(SESSION_KEY)
        return row  # type: ignore[no-any-return]

    def load(self) -> dict[str, Any]:
        key, now = self.session_key, clock.now()
        sessions = BrowserSession.objects.select_related("user").filter(session_key=key, expire_date__gt=now)
        # Cookies hold any text, also one that PostgreSQL can't compare.
        row = sessions.first() if key and KEY.fullmatch(key) else None
        if row is None:
            self._session_key = None
            return {}
        data: dict[str, Any] = self.decode(row.session_data)
        if row.user and SECOND_FACTOR_KEY not in data and policy.needs_second_factor(row.user):
            # The setting or the role is newer than the session, which a password alone has opened.
            self._session_key = None
            return {}
        self.user, self._row = row.user, row
        return data

    def cycle_key(self) -> None:
        """Give the session another key. Raises SessionInterrupted if it has ended since it was loaded.

        Django stores a copy under the new key and deletes the old row, also one that is deleted already: the ended
        session would go on.
        """
        self.keys()  # loads it, or finds that there is none
        if self.session_key is None:
            super().cycle_key()
            return
        new_key = get_random_string(32, VALID_KEY_CHARS)
        if not BrowserSession.objects.filter(session_key=self.session_key).update(session_key=new_key):
            raise SessionInterrupted("The session of this request has ended meanwhile.")
        self._session_key = new_key
        self.modified = True

    def delete(self, session_key: str | None = None) -> None:
        """End the session, also if another request has given it another key since it was loaded."""
        key, row = session_key or self.session_key, self._row
        is_found = key and BrowserSession.objects.filter(session_key=key).delete()[0]
        if not is_found and row and row.user and row.session_key == key:
            delete_browser_session(row.user, name_of(row), clock.now())


def user_of_browser(request: HttpRequest) -> User | None:
    """Return the active user of the request's session, by one query; None without a session that still stands.

    Checked as `django.contrib.auth.get_user` does, which would ask for the user once more.
    """
    return None if settings.SESSION_COOKIE_NAME not in request.COOKIES else _user_of(request.session)


def user_of_browser_now(request: HttpRequest) -> User | None:
    """Return the same of a request that is still answered, as the database has session and user by now."""
    return _user_of(SessionStore(request.session.session_key))


def _user_of(session: Any) -> User | None:
    user_id, user = session.get(SESSION_KEY), session.user
    if user is None or user_id != str(user.pk) or not user.is_active:
        return None
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    bound_to = session.get(HASH_SESSION_KEY, "")
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return user if any(constant_time_compare(bound_to, known) for known in hashes) else None
