"""Which API sessions somebody sees, which of them are open, and which go on when the others end."""

import datetime
from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser

from cms.models import AuthSession, User
from cms.policy import SYSTEM
from tests.cms.querysets.viewers import HOUR


def make_session(user: User, expires_at: datetime.datetime, *, is_revoked: bool = False) -> AuthSession:
    revoked_at = expires_at - 2 * HOUR if is_revoked else None
    return AuthSession.objects.create(user=user, expires_at=expires_at, revoked_at=revoked_at)


def test_a_session_is_seen_by_its_user_alone(make_user: Callable[..., User], now: datetime.datetime) -> None:
    admin, user = make_user("admin"), make_user()
    session = make_session(user, now + HOUR)
    assert list(AuthSession.objects.visible_to(user)) == [session]
    for stranger in (admin, make_user(), AnonymousUser(), SYSTEM):
        assert not AuthSession.objects.visible_to(stranger).exists()


def test_a_session_is_open_until_it_expires_or_is_revoked(
    make_user: Callable[..., User], now: datetime.datetime
) -> None:
    user = make_user()
    session = make_session(user, now + HOUR)
    make_session(user, now)
    make_session(user, now + HOUR, is_revoked=True)
    assert list(AuthSession.objects.open(now)) == [session]


def test_the_others_of_a_user_are_not_revoked_and_not_the_kept_one(
    make_user: Callable[..., User], now: datetime.datetime
) -> None:
    user = make_user()
    kept, other = make_session(user, now + HOUR), make_session(user, now + HOUR)
    make_session(user, now + HOUR, is_revoked=True)
    make_session(make_user(), now + HOUR)
    assert list(AuthSession.objects.others_of(user, kept.pk)) == [other]
    assert set(AuthSession.objects.others_of(user, None)) == {kept, other}
