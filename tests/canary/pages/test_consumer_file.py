"""The consumers of v1 as a file: one at a time, and no longer than its reader may see it."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from django.contrib.auth.models import Permission
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from django.utils import timezone

from canary.models import ConsumerUsage
from canary.pages.consumer_file import LINES_AT_ONCE
from canary.pages.views import consumers
from cms.models import BrowserSession, User
from tests.canary.pages.conftest import ADDRESS

MANY: Final = 3 * LINES_AT_ONCE
FILE: Final = f"{ADDRESS}consumers.csv"
SignedIn = Callable[..., Client]


@pytest.fixture(autouse=True)
def many_consumers(db: None) -> None:
    now = timezone.now()
    seen = {"day": now.date(), "kind": "client", "route": "GET /posts", "calls": 1, "last_seen_at": now}
    ConsumerUsage.objects.bulk_create(ConsumerUsage(identifier=f"app-{number}", **seen) for number in range(MANY))


def count(answer: Any) -> int:
    return b"".join(answer.streaming_content).count(b"client:app-")


def test_one_is_sent_at_a_time_by_a_process(signed_in_with: SignedIn) -> None:
    viewer = signed_in_with("view")
    first = viewer.get(FILE)
    refused = viewer.get(FILE)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert count(first) == count(viewer.get(FILE)) == MANY


@pytest.mark.parametrize(
    "change",
    [
        lambda: User.objects.update(is_active=False),
        lambda: User.user_permissions.through.objects.all().delete(),
        lambda: BrowserSession.objects.all().delete(),
    ],
    ids=["suspension", "permission", "logout"],
)
def test_it_breaks_off_once_its_reader_may_not_see_it(signed_in_with: SignedIn, change: Callable[[], object]) -> None:
    pieces = iter(signed_in_with("view").get(FILE).streaming_content)  # type: ignore[attr-defined]
    sent = [next(pieces)]
    change()
    with pytest.raises(PermissionDenied):
        sent.extend(pieces)
    assert b"".join(sent).count(b"client:app-") < LINES_AT_ONCE
    User.objects.update(is_active=True)
    assert count(signed_in_with("view").get(FILE)) == MANY


def test_a_site_may_sign_people_in_without_a_session(make_user: Callable[..., User]) -> None:
    user, request = make_user("editor"), RequestFactory().get(FILE)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="canary", codename="view"))
    request.user, request.session = user, SessionStore()
    assert count(consumers(request)) == MANY
