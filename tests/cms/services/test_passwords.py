"""Passwords by token: of many uses at the same time one counts; and what each costs whoever asks."""

import datetime
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from cms.errors import InvalidInput, RateLimited
from cms.models import AuditEvent, Job, User
from cms.services.email_verification import verify_email
from cms.services.passwords import change_password, request_password_reset, reset_password
from cms.services.users import register_user, update_user
from cms.tokens.mail import Purpose, make_mail_token
from tests.conftest import PASSWORD

TIMES = 6


@pytest.mark.django_db(transaction=True)
def test_a_token_that_is_used_at_the_same_time_sets_one_password(
    in_threads: Callable[..., list[Any]], make_user: Callable[..., User], now: datetime.datetime
) -> None:
    mia = make_user(username="mia", password=PASSWORD)
    token = make_mail_token(Purpose.PASSWORD_RESET, mia, now)
    words = [f"another long pass-phrase {n}" for n in range(TIMES)]
    results = in_threads([partial(reset_password, token=token, password=word, now=now) for word in words])
    winners = [n for n, result in enumerate(results) if isinstance(result, User)]
    assert len(winners) == 1
    assert sum(isinstance(result, InvalidInput) for result in results) == TIMES - 1
    mia.refresh_from_db()
    assert mia.check_password(words[winners[0]])
    assert AuditEvent.objects.filter(action="user.password_changed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_password_that_is_proved_at_the_same_time_is_changed_once(
    in_threads: Callable[..., list[Any]], make_user: Callable[..., User], now: datetime.datetime, settings: Any
) -> None:
    """A request in flight with the old password must not overwrite the new one."""
    settings.RATE_LIMITS_ENABLED = False
    pk = make_user(username="mia", password=PASSWORD).pk
    words = [f"another long pass-phrase {n}" for n in range(TIMES)]
    same: Any = {"current_password": PASSWORD, "now": now, "kept_session_id": None}
    results = in_threads(
        [partial(change_password, user=User.objects.get(pk=pk), password=word, **same) for word in words]
    )
    [winner] = [n for n, result in enumerate(results) if result is None]
    assert sum(isinstance(result, InvalidInput) for result in results) == TIMES - 1
    assert User.objects.get(pk=pk).check_password(words[winner])


@pytest.mark.django_db(transaction=True)
def test_an_address_is_verified_once_however_many_ask(
    in_threads: Callable[..., list[Any]], make_user: Callable[..., User], now: datetime.datetime
) -> None:
    token = make_mail_token(Purpose.EMAIL_VERIFICATION, make_user(username="mia"), now)
    results = in_threads([partial(verify_email, token=token, now=now)] * TIMES)
    assert sum(isinstance(result, User) for result in results) == 1
    assert AuditEvent.objects.filter(action="user.email_verified").count() == 1


@pytest.mark.django_db
def test_a_refused_request_leaves_no_job(now: datetime.datetime, settings: Any) -> None:
    settings.RATE_LIMIT_MAIL = 1
    request_password_reset(email="a@example.org", now=now)
    with pytest.raises(RateLimited):
        request_password_reset(email="A@example.org", now=now)
    with pytest.raises(InvalidInput):
        request_password_reset(email="nowhere", now=now)
    assert list(Job.objects.values_list("args", flat=True)) == [[None]]


@pytest.mark.django_db
def test_a_mail_is_asked_for_by_new_addresses_alone(now: datetime.datetime) -> None:
    mia = register_user(fields={"username": "mia", "email": "mia@example.org"}, password=PASSWORD, now=now)
    assert Job.objects.count() == 1
    update_user(actor=mia, user=mia, changes={"bio": "x", "email": "mia@example.org"}, now=now)
    assert Job.objects.count() == 1
    update_user(actor=mia, user=mia, changes={"email": "new@example.org"}, now=now)
    assert Job.objects.count() == 2
    with pytest.raises(InvalidInput):
        register_user(fields={"username": "x", "email": "x@example.org"}, password=PASSWORD, now=now)
    assert Job.objects.count() == 2
