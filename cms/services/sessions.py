"""API sessions: opened at login, rotated by refresh tokens, ended by logout, suspension or a replay."""

import datetime
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet, UUIDField

from cms import limits, policy
from cms.db.compiled import Given, Row, columns_of, compiled, objects_of
from cms.errors import InvalidCredentials, InvalidToken, PermissionRefused, SecondFactorMissing
from cms.models import AuthSession, BrowserSession, User
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.locks import lock_row
from cms.services.second_factors.factors import has_second_factor
from cms.services.sign_in_events import note_login, note_logout
from cms.tokens.access import Claims, make_token, read_token


@dataclass(frozen=True)
class TokenPair:
    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds until the access token expires."""
    session_id: str


def open_session(*, user: User, now: datetime.datetime, is_remembered: bool = True) -> TokenPair:
    """Open a session for each login; one that isn't to be remembered ends after a day without a refresh.

    The one that was renewed longest ago ends when a user has too many. `user` is as read before its credentials were
    checked, with the mark of a proved factor. Raises InvalidCredentials if its password has changed, or its sessions
    were ended, since then.
    """
    lifetime_s = settings.REFRESH_TOKEN_LIFETIME_S if is_remembered else settings.SHORT_REFRESH_TOKEN_LIFETIME_S
    expires_at = now + datetime.timedelta(seconds=lifetime_s)
    with transaction.atomic():
        # Compare and swap on what was proved. A reset or a suspension that runs at the same time comes before, or
        # waits for the user's row and then sees the new session.
        proved = {"password": user.password, "session_epoch": user.session_epoch}
        if not User.objects.filter(pk=user.pk, is_active=True, **proved).update(last_login=now):
            raise InvalidCredentials
        session = AuthSession(user=user, created_at=now, updated_at=now, expires_at=expires_at)
        session.second_factor_at = user.second_factor_at
        session.save(force_insert=True)
        note_login(user, session=str(session.pk))
        _end_oldest(user, now)
    user.last_login = now
    return _token_pair(Claims(user.pk, session.pk, session.generation), now, lifetime_s)


def refresh_session(*, refresh_token: str, now: datetime.datetime) -> tuple[User, TokenPair]:
    """Return two new tokens. A refresh token that was used before revokes its session (RFC 9700 section 4.14.2).

    For a role that needs a second factor, raises SecondFactorMissing as long as there is none, and else InvalidToken
    for a session that a password alone has opened. Both leave the token as it is.
    """
    claims = read_token("refresh", refresh_token, now)
    lifetime_s = min(claims.lifetime_s or settings.REFRESH_TOKEN_LIFETIME_S, settings.REFRESH_TOKEN_LIFETIME_S)
    expires_at = now + datetime.timedelta(seconds=lifetime_s)
    with transaction.atomic():
        # Compare and swap: of two requests with one token, one wins and the other is the replay. Columns of this table
        # alone: a join becomes a subquery, which PostgreSQL doesn't evaluate again after waiting for the row, and both
        # would win.
        rotated = AuthSession.objects.filter(
            pk=claims.session_id, generation=claims.generation, revoked_at=None, expires_at__gt=now
        ).update(generation=F("generation") + 1, expires_at=expires_at, updated_at=now)
        user = User.objects.filter(pk=claims.user_id, is_active=True).first()
        if rotated and user and policy.needs_second_factor(user):
            _require_second_factor(user, claims.session_id)
    if not rotated:
        close_session(claims=claims, now=now, reason="session.replayed")
        raise InvalidToken
    if user is None:
        raise InvalidToken
    return user, _token_pair(Claims(claims.user_id, claims.session_id, claims.generation + 1), now, lifetime_s)


def _require_second_factor(user: User, session_id: uuid.UUID) -> None:
    """A factor that was set up later does not vouch for a session of the password alone: a thief may have opened it."""
    if not has_second_factor(user):
        raise SecondFactorMissing(user)
    if not AuthSession.objects.filter(pk=session_id).exclude(second_factor_at=None).exists():
        raise InvalidToken


def note_browser_login(*, user: User, now: datetime.datetime) -> None:
    """Note the login of a browser, and end the browser sessions that are used least when the user has too many.

    Call it once the new session is stored, so that it counts. Nothing of a user who was suspended meanwhile: the new
    session is of an earlier `session_epoch`, and opens nothing.
    """
    with suppress(InvalidToken), transaction.atomic():
        note_login(user)
        mine = BrowserSession.objects.filter(user=user, expire_date__gt=now)
        kept = mine.order_by("-expire_date").values("pk")[: limits.OPEN_SESSIONS_MAX]
        mine.exclude(pk__in=kept).delete()


def log_out(*, claims: Claims, now: datetime.datetime) -> None:
    """End the session that asks for it. Ending one twice is not an error."""
    with transaction.atomic():
        session = close_session(claims=claims, now=now)
        if session:
            note_logout(session.user, session=str(session.pk))


def close_session(*, claims: Claims, now: datetime.datetime, reason: str = "session.closed") -> AuthSession | None:
    """End a session: its tokens are refused from the next request on. None when it had ended before."""
    with transaction.atomic():
        session = AuthSession.objects.select_for_update().filter(pk=claims.session_id, revoked_at=None).first()
        if session is None:
            return None
        session.revoked_at = session.updated_at = now
        session.save(update_fields=["revoked_at", "updated_at"])
        record_event(session.user, reason, session, before={}, after={})
    return session


def revoke_session(*, actor: Actor, session: AuthSession, now: datetime.datetime) -> None:
    """End one of the actor's own sessions. Ending one twice is not an error."""
    if not policy.is_known(actor) or actor.pk != session.user_id:
        raise PermissionRefused("Only its user ends a session.")
    close_session(claims=Claims(session.user_id, session.pk, session.generation), now=now)


def close_other_sessions(*, user: User, kept_session_id: uuid.UUID | None, now: datetime.datetime) -> int:
    """End the user's API sessions except the kept one, and every browser session; return how many API sessions ended.

    A browser session that is to go on must be bound again to the user's `session_epoch`, which grows here.
    """
    with transaction.atomic():
        begin_epoch(user)
        others = AuthSession.objects.others_of(user, kept_session_id)
        count = others.update(revoked_at=now, updated_at=now)
        record_event(user, "user.sessions_closed", user, before={}, after={"count": count})
    return count


def begin_epoch(user: User) -> None:
    """End every browser session and every login under way, in a transaction of the caller's, which locks the user.

    A browser session that is to go on must be bound again to the user's `session_epoch`, which grows here.
    """
    stored = lock_row(user)
    stored.session_epoch += 1
    stored.save(update_fields=["session_epoch"])
    user.session_epoch += 1  # less than the stored one if the session of this request has just been ended: it stays so


def user_of_session(*, claims: Claims, now: datetime.datetime) -> User:
    """Return the user behind an access token, by one query on the session's key. Raises InvalidToken if it is over.

    So it is for a session that a password alone has opened, once the user's role needs a second factor: else it could
    still make a key, a user or a webhook, which last. Its refresh says why.
    """
    rows = _users_with_session.rows(None, id=claims.session_id)
    for user in objects_of(User, rows):
        is_standing = rows[0]["revoked_at"] is None and rows[0]["expires_at"] > now and user.is_active
        is_proved = rows[0]["second_factor_at"] is not None or not policy.needs_second_factor(user)
        if is_standing and is_proved and user.pk == claims.user_id:
            return user
    raise InvalidToken


@compiled(id=UUIDField())
def _users_with_session(_: None, given: Given) -> QuerySet[Any, Row]:
    ends = {name: F(f"auth_sessions__{name}") for name in ("expires_at", "revoked_at", "second_factor_at")}
    rows: QuerySet[Any, Row] = User.objects.filter(auth_sessions__pk=given.id).values(*columns_of(User), **ends)
    return rows


def _end_oldest(user: User, now: datetime.datetime) -> None:
    """Call it with the user's row locked: of two logins at the same time the second sees the session of the first."""
    mine = AuthSession.objects.filter(user=user).open(now)
    kept = mine.order_by("-updated_at", "-pk").values("pk")[: limits.OPEN_SESSIONS_MAX]
    count = mine.exclude(pk__in=kept).update(revoked_at=now, updated_at=now)
    if count:
        record_event(user, "user.sessions_closed", user, before={}, after={"count": count})


def _token_pair(claims: Claims, now: datetime.datetime, lifetime_s: int) -> TokenPair:
    return TokenPair(
        access_token=make_token("access", claims, now, settings.ACCESS_TOKEN_LIFETIME_S),
        refresh_token=make_token("refresh", claims, now, lifetime_s),
        expires_in=settings.ACCESS_TOKEN_LIFETIME_S,
        session_id=str(claims.session_id),
    )
