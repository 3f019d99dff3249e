"""Logins in the audit trail: how many rows failures may write, and that a name nobody has is refused by the same steps."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cms.errors import InvalidCredentials, InvalidInput, RateLimited
from cms.models import AuditEvent, User
from cms.services.origin import Origin, set_origin
from cms.services.signing_in import prove_password, sign_in
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
FAILED, LOCKED = "auth.login_failed", "auth.locked"


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user(username="mia", password=PASSWORD)


@pytest.fixture
def refuse(now: datetime.datetime) -> Callable[..., type[Exception]]:
    """What a try to sign in ends with."""

    def refusal(name: str, password: str = "wrong", after_s: int = 0) -> type[Exception]:
        at = now + datetime.timedelta(seconds=after_s)
        with pytest.raises((InvalidCredentials, RateLimited)) as caught:
            sign_in(username_or_email=name, password=password, now=at)
        return caught.type

    return refusal


def actions() -> list[str]:
    return list(AuditEvent.objects.filter(action__startswith="auth.").order_by("pk").values_list("action", flat=True))


def test_a_failed_login_is_noted_for_its_account_with_where_it_came_from(mia: User, refuse: Any) -> None:
    set_origin(Origin(ip="192.0.2.9", request_id="r-1", api_version=2))
    refuse(mia.email)
    event = AuditEvent.objects.get(action=FAILED)
    assert (event.object_type, event.object_id, event.actor, event.before, event.after) == (
        "user",
        mia.pk,
        None,
        {},
        {},
    )
    assert (event.ip, event.request_id, event.api_version) == ("192.0.2.9", "r-1", 2)


def test_a_suspended_account_is_known_too(make_user: Callable[..., User], refuse: Any) -> None:
    gone = make_user(username="gone", password=PASSWORD, is_active=False)
    refuse("gone", PASSWORD)
    assert AuditEvent.objects.get(action=FAILED).object_id == gone.pk


@pytest.mark.parametrize("name", ["nobody", "nobody@example.org", "", "mia\x00"])
def test_a_name_that_nobody_has_leaves_no_row(mia: User, refuse: Any, name: str) -> None:
    for _ in range(12):
        refuse(name)
    assert actions() == []


def test_known_and_unknown_names_are_refused_by_the_same_statements(
    make_user: Callable[..., User], refuse: Any, mia: User, settings: Any
) -> None:
    """What tells a row from none is whether a savepoint is kept or rolled back; both transactions commit."""
    settings.RATE_LIMIT_LOGIN = 2
    make_user(username="gone", password=PASSWORD, is_active=False)
    seen = []
    for name in ("mia@example.org", "gone@example.org", "nobody@example.org"):
        with CaptureQueriesContext(connection) as queries:
            refusals = [refuse(name) for _ in range(3)]
        statements = [re.sub(r"'[^']*'(::\w+)?|NULL|\d+", "?", query["sql"]) for query in queries]
        seen.append((refusals, [re.sub(r'"s\S+_x\S+"', "s", one) for one in statements if "TO SAVEPOINT" not in one]))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] == [InvalidCredentials, InvalidCredentials, RateLimited]


def test_failures_and_lockouts_are_no_more_than_the_limit_in_a_window(mia: User, refuse: Any, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 3
    assert [refuse("mia") for _ in range(9)] == [InvalidCredentials] * 3 + [RateLimited] * 6
    assert actions() == [FAILED, FAILED, FAILED, LOCKED]
    assert AuditEvent.objects.get(action=LOCKED).object_id == mia.pk
    for after_s in range(0, 300, 10):
        refuse("mia", after_s=after_s)
    assert actions().count(LOCKED) == 1
    assert actions().count(FAILED) <= 6  # the window slides: at its end the places of its begin are free again


def test_without_a_limit_of_logins_the_rows_have_one_all_the_same(mia: User, refuse: Any, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 0
    assert {refuse("mia") for _ in range(30)} == {InvalidCredentials}
    assert actions() == [FAILED] * 10


def test_an_account_has_one_limit_by_whichever_name_and_nobody_learns_that_both_are_its(
    mia: User, refuse: Any, settings: Any, now: datetime.datetime
) -> None:
    settings.RATE_LIMIT_LOGIN = 4
    assert [refuse("mia") for _ in range(3)] == [InvalidCredentials] * 3
    by_address = [refuse(mia.email, PASSWORD if n else "wrong") for n in range(5)]
    unknown = [refuse("nobody@example.org", PASSWORD) for _ in range(5)]
    assert by_address == unknown == [InvalidCredentials] * 4 + [RateLimited]
    assert actions() == [FAILED] * 4 + [LOCKED]
    later = now + datetime.timedelta(minutes=15)
    assert sign_in(username_or_email=mia.email, password=PASSWORD, now=later) == mia


def test_right_passwords_take_no_place_of_the_account(mia: User, settings: Any, now: datetime.datetime) -> None:
    settings.RATE_LIMIT_LOGIN = 1
    for name in (mia.username, mia.email) * 3:
        assert sign_in(username_or_email=name, password=PASSWORD, now=now) == mia
    assert actions() == []


def test_a_wrong_current_password_has_the_limit_of_failed_logins_and_is_noted_as_one(
    mia: User, settings: Any, now: datetime.datetime
) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    prove_password(user=mia, password=PASSWORD, now=now)
    with pytest.raises(InvalidInput) as caught:
        prove_password(user=mia, password="wrong", now=now)
    assert [(error.field, error.code) for error in caught.value.errors] == [("current_password", "wrong_password")]
    with pytest.raises(InvalidInput):
        prove_password(user=mia, password="wrong", now=now)
    with pytest.raises(RateLimited):
        prove_password(user=mia, password=PASSWORD, now=now)
    assert actions() == [FAILED, FAILED, LOCKED]


def test_each_network_that_is_locked_out_leaves_one_row(mia: User, refuse: Any, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    for ip in ("192.0.2.9", "192.0.2.10"):
        set_origin(Origin(ip=ip))
        assert [refuse("mia") for _ in range(4)] == [InvalidCredentials] * 2 + [RateLimited] * 2
    locked = AuditEvent.objects.filter(action=LOCKED).order_by("pk")
    assert [(event.ip, event.object_id) for event in locked] == [("192.0.2.9", mia.pk), ("192.0.2.10", mia.pk)]
    assert actions().count(FAILED) == 4


def test_failures_at_one_door_leave_the_rows_of_another(
    mia: User, refuse: Any, settings: Any, now: datetime.datetime
) -> None:
    settings.RATE_LIMIT_LOGIN = 0
    for _ in range(11):
        refuse("mia")
    with pytest.raises(InvalidInput):
        prove_password(user=mia, password="wrong", now=now)
    assert actions() == [FAILED] * 11
