"""API keys: shown once and stored as a digest, never more than their owner, refused at once when something has changed."""

import datetime
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.core import serializers
from django.db import connection

from cms import limits
from cms.choices import Scope
from cms.errors import InvalidApiKey, InvalidInput, InvalidTransition, PermissionRefused, TooManyKeys
from cms.models import ApiKey, AuditEvent, User
from cms.policy import SYSTEM
from cms.services.api_keys import (
    IssuedKey,
    create_api_key,
    find_api_key,
    is_usable,
    is_use_due,
    may_use,
    note_use,
    revoke_api_key,
    update_api_key,
)
from cms.services.users import update_user
from cms.tokens.api_keys import digest_of, make_raw_key, prefix_of

SECOND = datetime.timedelta(seconds=1)
NEW_SECRET_KEY = "another-secret-of-this-site-0123456789"
ROLLOUT = [scope for scope in Scope if scope.startswith("rollout:")]
OPEN_TO = {
    "subscriber": ["posts:read", "comments:write"],
    "author": ["posts:read", "posts:write", "comments:write", "media:write"],
    "editor": ["posts:read", "posts:write", "comments:write", "media:write"],
    "admin": Scope.values,
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def issue(now: datetime.datetime) -> Callable[..., IssuedKey]:
    def make(owner: User, *, by: Any = None, **fields: Any) -> IssuedKey:
        values = {"name": "Robot", "scopes": ["posts:read"], **fields}
        return create_api_key(actor=by or owner, owner=owner, fields=values, now=now)

    return make


def _refused(raw_key: str, now: datetime.datetime) -> bool:
    with pytest.raises(InvalidApiKey) as caught:
        find_api_key(raw_key=raw_key, now=now)
    assert caught.value.message == InvalidApiKey.default_message
    return True


def test_a_key_finds_its_row_and_its_owner_by_one_query(
    issue: Any, author: User, now: Any, django_assert_num_queries: Any
) -> None:
    issued = issue(author, contact_email="ops@example.org", expires_at=now + SECOND)
    with django_assert_num_queries(1):
        found = find_api_key(raw_key=issued.raw_key, now=now)
        assert found.owner == author
    assert (found, found.contact_email, found.prefix) == (issued.api_key, "ops@example.org", prefix_of(issued.raw_key))


def test_no_table_log_or_representation_has_the_key(
    issue: Any, author: User, now: Any, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.DEBUG = True  # then Django keeps and logs all SQL
    issued = issue(author)
    find_api_key(raw_key=issued.raw_key, now=now)
    revoke_api_key(actor=author, api_key=issued.api_key, now=now)
    secret = issued.raw_key.rpartition("_")[2]
    rows = serializers.serialize("json", [*ApiKey.objects.all(), *AuditEvent.objects.all()])
    queries = str(connection.queries_log)
    assert "Robot" in queries
    for text in (rows, queries, caplog.text, repr(issued), str(issued), repr(issued.api_key)):
        assert secret not in text
    events = serializers.serialize("json", AuditEvent.objects.all())
    assert issued.api_key.digest not in events


def test_the_digest_is_worth_nothing_without_the_secret_key(issue: Any, author: User, now: Any, settings: Any) -> None:
    raw_key = issue(author).raw_key
    settings.SECRET_KEY = NEW_SECRET_KEY
    assert _refused(raw_key, now)


def test_a_key_outlives_a_new_secret_key_while_the_old_one_is_a_fallback(
    issue: Any, author: User, now: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    issued = issue(author)
    old, settings.SECRET_KEY = settings.SECRET_KEY, NEW_SECRET_KEY
    settings.SECRET_KEY_FALLBACKS = ["a-key-of-last-year-a-key-of-last-year-a-key", old]
    with django_assert_num_queries(1):
        assert find_api_key(raw_key=issued.raw_key, now=now).owner == author
    wrong = issued.raw_key[:-1] + ("b" if issued.raw_key[-1] == "a" else "a")
    with django_assert_num_queries(1):
        assert _refused(wrong, now)
    assert _refused(make_raw_key(), now)
    settings.SECRET_KEY_FALLBACKS = []
    assert _refused(issued.raw_key, now)


def test_a_noted_use_frees_the_key_of_an_earlier_secret_key(issue: Any, author: User, now: Any, settings: Any) -> None:
    used, unused = issue(author), issue(author)
    note_use(api_key=find_api_key(raw_key=used.raw_key, now=now), now=now)
    old, settings.SECRET_KEY = settings.SECRET_KEY, NEW_SECRET_KEY
    settings.SECRET_KEY_FALLBACKS = [old]
    for after_s, is_freed in ((59, False), (60, True)):
        settings.SECRET_KEY_FALLBACKS = [old]
        note_use(api_key=find_api_key(raw_key=used.raw_key, now=now), now=now + after_s * SECOND)
        used.api_key.refresh_from_db()
        assert (used.api_key.digest == digest_of(used.raw_key)) == is_freed
        assert (used.api_key.last_used_at == now + 60 * SECOND) == is_freed  # so its time tells which keys are freed
    settings.SECRET_KEY_FALLBACKS = []
    assert find_api_key(raw_key=used.raw_key, now=now) == used.api_key
    assert _refused(unused.raw_key, now)


def test_a_key_has_the_form_that_scanners_look_for() -> None:
    keys = {make_raw_key() for _ in range(100)}
    assert len(keys) == 100
    for raw_key in keys:
        name, prefix, secret = raw_key.split("_")
        assert (name, prefix_of(raw_key)) == ("tdm", prefix)
        assert len(secret) * 5 >= 160  # bits: of 32 letters each
        assert len(digest_of(raw_key)) == 64


@pytest.mark.parametrize("change", ["secret", "prefix", "case", "end", "blank", "empty", "long", "other", "surrogate"])
def test_what_is_not_the_whole_key_is_refused(issue: Any, author: User, now: Any, change: str) -> None:
    raw_key = issue(author).raw_key
    swapped = "b" if raw_key[-1] == "a" else "a"
    wrong = {
        "secret": raw_key[:-1] + swapped,
        "prefix": make_raw_key()[:20] + raw_key[20:],
        "case": raw_key.upper(),
        "end": raw_key[:-1],
        "blank": f"{raw_key}\n",
        "empty": "",
        "long": raw_key + "a" * 100_000,
        "other": make_raw_key(),
        "surrogate": "tdm_\ud800",
    }
    assert _refused(wrong[change], now)


def test_a_key_ends_with_its_time(issue: Any, author: User, now: Any) -> None:
    raw_key = issue(author, expires_at=now + SECOND).raw_key
    assert find_api_key(raw_key=raw_key, now=now)
    assert _refused(raw_key, now + SECOND)


def test_a_revoked_key_is_refused_from_the_next_request_on(issue: Any, author: User, now: Any, events_of: Any) -> None:
    issued = issue(author)
    for _ in range(2):
        revoked = revoke_api_key(actor=author, api_key=issued.api_key, now=now)
    assert not is_usable(revoked, now)
    assert _refused(issued.raw_key, now)
    assert events_of(revoked) == ["api_key.created", "api_key.revoked"]


def test_suspending_the_owner_ends_the_keys_at_once(issue: Any, author: User, now: Any) -> None:
    raw_key = issue(author).raw_key
    update_user(actor=SYSTEM, user=author, changes={"is_active": False}, now=now)
    assert _refused(raw_key, now)


@pytest.mark.parametrize("role", OPEN_TO)
def test_a_key_may_have_the_scopes_of_its_owners_role_and_no_others(make_user: Any, issue: Any, role: str) -> None:
    owner = make_user(role)
    issued = issue(owner, scopes=[*reversed(OPEN_TO[role]), OPEN_TO[role][0]])
    assert issued.api_key.scopes == OPEN_TO[role]
    assert all(may_use(issued.api_key, Scope(scope)) for scope in OPEN_TO[role])
    for scope in set(Scope.values) - set(OPEN_TO[role]):
        assert not may_use(issued.api_key, Scope(scope))
        with pytest.raises(InvalidInput) as caught:
            issue(owner, scopes=["posts:read", scope], by=SYSTEM)
        assert [(e.field, e.code) for e in caught.value.errors] == [("scopes", "beyond_role")]


def test_a_demoted_owners_key_may_less_from_the_next_request_on(make_user: Any, issue: Any, now: Any) -> None:
    owner = make_user("editor")
    raw_key = issue(owner, scopes=["posts:read", "media:write"]).raw_key
    update_user(actor=SYSTEM, user=owner, changes={"role": "subscriber"}, now=now)
    api_key = find_api_key(raw_key=raw_key, now=now)
    assert (may_use(api_key, Scope.POSTS_READ), may_use(api_key, Scope.MEDIA_WRITE)) == (True, False)
    update_user(actor=SYSTEM, user=owner, changes={"role": "author"}, now=now)
    assert may_use(find_api_key(raw_key=raw_key, now=now), Scope.MEDIA_WRITE)


def test_rollout_scopes_follow_the_permissions_of_the_owners_groups(author: User, issue: Any, now: Any) -> None:
    with pytest.raises(InvalidInput):
        issue(author, scopes=["rollout:rollback"])
    permission = Permission.objects.get(content_type__app_label="canary", codename="rollback")
    group = Group.objects.create(name="On call")
    group.permissions.add(permission)
    author.groups.add(group)
    on_call = User.objects.get(pk=author.pk)
    raw_key = issue(on_call, scopes=["rollout:rollback"]).raw_key
    assert [s for s in ROLLOUT if may_use(find_api_key(raw_key=raw_key, now=now), s)] == [Scope.ROLLOUT_ROLLBACK]
    author.groups.clear()
    assert not may_use(find_api_key(raw_key=raw_key, now=now), Scope.ROLLOUT_ROLLBACK)


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"name": ""}, "name", "required"),
        ({"name": "a" * 101}, "name", "too_long"),
        ({"scopes": []}, "scopes", "required"),
        ({"scopes": ["posts:delete"]}, "scopes", "invalid_choice"),
        ({"contact_email": "ops@"}, "contact_email", "invalid_email"),
        ({"expires_at": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)}, "expires_at", "too_early"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    issue: Any, author: User, fields: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        issue(author, **fields)
    assert [(error.field, error.code) for error in caught.value.errors] == [(field, code)]
    assert not ApiKey.objects.exists()


def test_keys_are_managed_by_their_owner_and_by_admins(issue: Any, make_user: Any, author: User, now: Any) -> None:
    api_key = issue(author).api_key
    for stranger in (AnonymousUser(), make_user("subscriber"), make_user("editor")):
        with pytest.raises(PermissionRefused):
            issue(author, by=stranger)
        with pytest.raises(PermissionRefused):
            revoke_api_key(actor=stranger, api_key=api_key, now=now)
    admin = make_user("admin")
    other = issue(author, by=admin).api_key
    assert AuditEvent.objects.get(object_id=other.pk).actor == admin
    assert not revoke_api_key(actor=admin, api_key=api_key, now=now).is_active


def test_everyone_lists_own_keys_and_admins_all(issue: Any, make_user: Any, author: User) -> None:
    subscriber, admin = make_user("subscriber"), make_user("admin")
    mine, yours = issue(author).api_key, issue(subscriber).api_key
    seen = {user: set(ApiKey.objects.visible_to(user)) for user in (author, subscriber, admin)}
    assert list(seen.values()) == [{mine}, {yours}, {mine, yours}]
    assert not ApiKey.objects.visible_to(AnonymousUser()).exists()
    author.is_active = False
    assert not ApiKey.objects.visible_to(author).exists()


def test_the_use_of_a_key_is_noted_once_a_minute(issue: Any, author: User, now: Any) -> None:
    raw_key = issue(author).raw_key
    for seconds, is_due, noted in ((0, True, 0), (1, False, 0), (59, False, 0), (60, True, 60), (61, False, 60)):
        at = now + seconds * SECOND
        api_key = find_api_key(raw_key=raw_key, now=at)
        assert is_use_due(api_key, at) == is_due
        note_use(api_key=api_key, now=at)
        api_key.refresh_from_db()
        assert api_key.last_used_at == now + noted * SECOND


def test_a_refused_request_is_no_use_of_the_key(issue: Any, author: User, now: Any) -> None:
    issued = issue(author)
    assert _refused(issued.raw_key[:-1] + ("b" if issued.raw_key[-1] == "a" else "a"), now)
    issued.api_key.refresh_from_db()
    assert issued.api_key.last_used_at is None


@pytest.mark.parametrize("role", ["author", "admin"])
def test_asking_for_a_scope_of_content_costs_no_query(
    make_user: Any, issue: Any, now: Any, role: str, django_assert_num_queries: Any
) -> None:
    api_key = find_api_key(raw_key=issue(make_user(role), scopes=["posts:write"]).raw_key, now=now)
    with django_assert_num_queries(0):
        assert may_use(api_key, Scope.POSTS_WRITE)


def test_an_owner_has_so_many_live_keys_and_no_more(
    issue: Any, author: User, admin: User, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limits.LIVE_KEYS_MAX == 50
    monkeypatch.setattr(limits, "LIVE_KEYS_MAX", 3)
    kept = [issue(author).api_key for _ in range(3)]
    for by in (author, admin, SYSTEM):
        with pytest.raises(TooManyKeys, match="at most 3 live API keys"):
            issue(author, by=by)
    assert issue(admin)
    revoke_api_key(actor=author, api_key=kept[0], now=now)
    assert issue(author, expires_at=now + SECOND)
    later = now + 2 * SECOND
    assert create_api_key(actor=author, owner=author, fields={"name": "R", "scopes": ["posts:read"]}, now=later)


def test_an_expired_key_stays_expired(issue: Any, author: User, now: Any) -> None:
    """Else keys that have expired would come back beyond the limit."""
    expired, later = issue(author, expires_at=now + SECOND).api_key, now + SECOND
    for expires_at in (None, later + SECOND):
        with pytest.raises(InvalidTransition, match="from expired to renewed"):
            update_api_key(actor=author, api_key=expired, changes={"expires_at": expires_at}, now=later)
    renamed = update_api_key(actor=author, api_key=expired, changes={"name": "Old"}, now=later)
    assert (renamed.name, is_usable(renamed, later)) == ("Old", False)
