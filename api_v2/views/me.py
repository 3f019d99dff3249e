"""One's own account: profile, password and sessions."""

import uuid

from django.db.models import QuerySet
from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from api_v2.pagination import PAGE_PARAMETERS, read_page_request
from api_v2.serializers.bodies import read_texts
from api_v2.serializers.sessions import SESSION, session_columns
from api_v2.serializers.shapes import write_object
from api_v2.serializers.users import PRIVATE, read_user_changes
from api_v2.views.api_view import ApiView
from api_v2.views.resources import answer_list, answer_one, found
from api_v2.views.users import NEWEST_FIRST, answer_update
from cms import policy
from cms.accounts.authentication import keep_browser_session, session_id_of
from cms.ids import parse_uuid, with_id
from cms.models import AuthSession, User
from cms.services.passwords import change_password
from cms.services.sessions import close_other_sessions, revoke_session


class OwnView(ApiView):
    """Resources that only signed-in users have."""

    def own_user(self) -> User:
        self.require(policy.is_known, "Only signed-in users have a profile.")
        user = self.actor
        assert isinstance(user, User)
        return user

    @property
    def session_id(self) -> uuid.UUID | None:
        return session_id_of(self.http_request)


class MeView(OwnView):
    scopes = {"GET": None}

    def get(self, request: Request) -> HttpResponse:
        user = self.own_user()
        return self.answer(write_object(user, PRIVATE, self.viewer), changed_at=user.updated_at)

    @sensitive_variables()
    def patch(self, request: Request) -> HttpResponse:
        user, (changes, current_password) = self.own_user(), read_user_changes(self.body())
        return answer_update(self, user, changes, current_password)


class PasswordView(OwnView):
    is_replayable = False

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        user = self.own_user()
        current, new = read_texts(self.body(), "current_password", "new_password")
        change_password(
            user=user, current_password=current, password=new, now=self.now, kept_session_id=self.session_id
        )
        keep_browser_session(self.http_request, user)
        return self.answer_nothing()


class SessionsView(OwnView):
    """Logins of the API. DELETE ends all others, those of browsers at the admin site too."""

    parameters = {"GET": ("fields", *PAGE_PARAMETERS)}

    def get(self, request: Request) -> HttpResponse:
        self.own_user()
        wanted = read_page_request(self.http_request, self.query, sort=NEWEST_FIRST)
        rows, computed = AuthSession.objects.visible_to(self.actor).open(self.now), session_columns(self.session_id)
        return answer_list(self, wanted, rows=rows, shape=SESSION, computed=computed)

    def delete(self, request: Request) -> HttpResponse:
        user = self.own_user()
        close_other_sessions(user=user, kept_session_id=self.session_id, now=self.now)
        keep_browser_session(self.http_request, user)
        return self.answer_nothing()


class SessionView(OwnView):
    parameters = {"GET": ("fields",)}

    def get(self, request: Request, session_id: str) -> HttpResponse:
        rows, computed = self._rows_of(session_id), session_columns(self.session_id)
        return answer_one(self, rows=rows, shape=SESSION, computed=computed)

    def delete(self, request: Request, session_id: str) -> HttpResponse:
        session = found(self._rows_of(session_id))
        with self.unchanged(session):
            revoke_session(actor=self.actor, session=session, now=self.now)
        return self.answer_nothing()

    def _rows_of(self, session_id: str) -> QuerySet[AuthSession]:
        self.own_user()
        return with_id(AuthSession.objects.visible_to(self.actor).open(self.now), parse_uuid(session_id))
