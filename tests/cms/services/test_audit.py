"""Audit events: what stands in one of long texts."""

import datetime
from collections.abc import Callable

import pytest

from cms.models import AuditEvent, User
from cms.policy import SYSTEM
from cms.services.audit import record_event
from cms.services.users import update_user

pytestmark = pytest.mark.django_db


def test_a_long_text_is_recorded_by_its_begin_and_length(
    make_user: Callable[..., User], now: datetime.datetime
) -> None:
    mia = make_user(bio="a" * 1_900)
    update_user(actor=mia, user=mia, changes={"bio": "b" * 1_901}, now=now)
    event = AuditEvent.objects.get(action="user.updated")
    assert event.before == {"bio": f"{'a' * 100}… (1900 characters)"}
    assert event.after == {"bio": f"{'b' * 100}… (1901 characters)"}
    mia.refresh_from_db()
    assert mia.bio == "b" * 1_901


def test_texts_within_lists_and_members_are_shortened_too_and_others_stay(make_user: Callable[..., User]) -> None:
    mia, longest = make_user(), "e" * 254  # an e-mail address, which mails read from here
    values = {"names": ["x" * 255, longest], "more": {"text": "y" * 300}, "count": 3, "none": None, "is": True}
    record_event(SYSTEM, "user.updated", mia, before={}, after=values)
    after = AuditEvent.objects.get(action="user.updated").after
    assert after == {
        "names": [f"{'x' * 100}… (255 characters)", longest],
        "more": {"text": f"{'y' * 100}… (300 characters)"},
        "count": 3,
        "none": None,
        "is": True,
    }
