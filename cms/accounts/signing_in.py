"""Logins in two steps: what is kept of the first step in a session that belongs to nobody yet."""

import contextlib
import datetime
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from cms.accounts.sessions import SECOND_FACTOR_KEY
from cms.errors import NotFound
from cms.models import BrowserSession, User
from cms.services.browser_sessions import DEVICE_KEY
from cms.services.locks import lock_row
from cms.services.origin import current_origin
from cms.services.proofs import LIFETIME, Proof
from cms.services.sessions import note_browser_login

BACKEND = "cms.auth_backends.UsernameOrEmailBackend"
AGENT_MAX: Final = 300
_KEY = "first_step"
_PROOF_KEY = "password_given_at"
_PROOF_ID_KEY = "proof"  # apart: an earlier release reads the other as an instant
_CHALLENGE_KEY = "passkey_challenge"


@dataclass(frozen=True)
class FirstStep:
    """A login whose password was right, or whose user a provider has signed in."""

    user: User
    next_url: str
    proof: Proof
    """Proof of that."""


def begin_second_step(request: HttpRequest, user: User, next_url: str, now: datetime.datetime) -> None:
    """Remember whom the first step is of, in an anonymous session of its own. The one before ends, also a user's."""
    request.session.flush()
    request.session.set_expiry(now + LIFETIME)
    request.session[_KEY] = {
        "user": user.pk.hex,
        "hash": user.get_session_auth_hash(),
        "next": next_url,
        "at": now.isoformat(),
        "proof": Proof.of(user, now).id,
    }


def first_step_of(request: HttpRequest, now: datetime.datetime) -> FirstStep | None:
    """Return the login that waits for its second step; none after ten minutes, or another password, or a suspension."""
    kept = request.session.get(_KEY)
    if not kept or now - (at := datetime.datetime.fromisoformat(kept["at"])) > LIFETIME:
        return None
    user = User.objects.filter(pk=uuid.UUID(kept["user"]), is_active=True).first()
    if user is None or not constant_time_compare(kept["hash"], user.get_session_auth_hash()):
        return None
    return FirstStep(user, kept["next"], Proof.of(user, at, kept.get("proof")))


def finish_sign_in(request: HttpRequest, user: User, now: datetime.datetime) -> None:
    """Open the browser session of a user who has proved a second factor; its key is a new one."""
    open_browser_session(request, user, now)
    note_second_factor(request, now)


def open_browser_session(request: HttpRequest, user: User, now: datetime.datetime) -> None:
    """Open the browser session of a user who needs no second factor; its key is a new one."""
    request.session.flush()
    login(request, user, BACKEND)
    note_device(request, now)
    request.session.save()  # or those of the user would be counted without it
    note_browser_login(user=user, now=now)


def note_device(request: HttpRequest, now: datetime.datetime) -> None:
    """Remember in the session where it was opened, for the list of sessions that its user sees."""
    agent = request.headers.get("User-Agent", "")[:AGENT_MAX].replace("\x00", "")
    ip, session_id = current_origin().ip or "", secrets.token_hex(16)
    request.session[DEVICE_KEY] = {"at": now.isoformat(), "agent": agent, "ip": ip, "id": session_id}


def opened_at(session: Mapping[str, Any]) -> datetime.datetime | None:
    """Return the time of the login that has opened the session; None where nobody has noted it."""
    at = session.get(DEVICE_KEY, {}).get("at")
    return datetime.datetime.fromisoformat(at) if at else None


def note_second_factor(request: HttpRequest, now: datetime.datetime) -> None:
    """Remember in the session that its user has proved a second factor."""
    request.session[SECOND_FACTOR_KEY] = now.isoformat()


def keep_proof(request: HttpRequest, proof: Proof) -> None:
    """Remember that the signed-in user has just given the password."""
    request.session[_PROOF_KEY] = proof.given_at.isoformat()
    request.session[_PROOF_ID_KEY] = proof.id


def proof_of(request: HttpRequest, user: User) -> Proof:
    """Return the last proof of the session's user, or one that holds no more."""
    given, proof_id = request.session.get(_PROOF_KEY), request.session.get(_PROOF_ID_KEY)
    if not given or not proof_id:  # an earlier release kept no id: its user gives the password again
        return Proof.of(user, datetime.datetime.min.replace(tzinfo=datetime.UTC))
    return Proof.of(user, datetime.datetime.fromisoformat(given), proof_id)


def keep_challenge(request: HttpRequest, challenge: dict[str, Any]) -> None:
    """Remember what the browser's passkey has to sign."""
    request.session[_CHALLENGE_KEY] = challenge


def take_challenge(request: HttpRequest) -> dict[str, Any] | None:
    """Return the last challenge for one answer; None for all others, also if they come at once.

    The session in memory may be as old as the request, so the stored one decides.
    """
    session: Any = request.session
    challenge: dict[str, Any] | None = session.pop(_CHALLENGE_KEY, None)
    if challenge is None:
        return None
    with transaction.atomic(), contextlib.suppress(NotFound):
        row = lock_row(BrowserSession(session_key=session.session_key))
        stored = session.decode(row.session_data)
        if stored.pop(_CHALLENGE_KEY, None) == challenge:
            BrowserSession.objects.filter(pk=row.pk).update(session_data=session.encode(stored))
            return challenge
    return None
