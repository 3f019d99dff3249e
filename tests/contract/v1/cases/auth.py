"""Registering, signing in, refreshing, signing out, and the profile."""

from typing import Any, Final

from tests.contract.v1.stories import Step, Story, by_each, one, story
from tests.contract.v1.world import OLD_PASSWORD, PASSWORD

NEW: Final[dict[str, Any]] = {"username": "newcomer", "email": "new@example.org", "password": "quite long enough"}
LOGIN: Final = {"email": "subscriber@example.org", "password": PASSWORD}
TOKENS: Final = {"access": "data.tokens.access_token", "refresh": "data.tokens.refresh_token"}
WITH_ACCESS: Final = {"Authorization": "Bearer {access}"}

INVALID: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    "username-too-short": {**NEW, "username": "ab"},
    "username-too-long": {**NEW, "username": "a" * 31},
    "username-with-a-blank": {**NEW, "username": "a b c"},
    "username-reserved": {**NEW, "username": "Root"},
    "email-without-at": {**NEW, "email": "example.org"},
    "email-too-long": {**NEW, "email": f"{'a' * 250}@example.org"},
    "password-too-short": {**NEW, "password": "seven77"},
    "password-common": {**NEW, "password": "password123"},
    "password-like-the-name": {**NEW, "password": "newcomer1"},
    "several-fields": {"username": "", "email": "x", "password": "1"},
    "numbers-for-texts": {"username": 12345, "email": 1, "password": 12345678},
    "nulls": {"username": None, "email": None, "password": None},
    "first-name-too-long": {**NEW, "first_name": "x" * 151},
    "control-character": {**NEW, "first_name": "a\u0000b"},
}

STORIES: Final[list[Story]] = [
    one("auth/register/success", "POST /auth/register", NEW),
    one("auth/register/names", "POST /auth/register", {**NEW, "first_name": "Zoë", "last_name": "Łoś"}),
    one("auth/register/null-names", "POST /auth/register", {**NEW, "first_name": None, "last_name": None}),
    one(
        "auth/register/legacy-profile-ignored", "POST /auth/register", {**NEW, "profile": {"bio": "x"}, "role": "Admin"}
    ),
    one("auth/register/bad-token-ignored", "POST /auth/register", NEW, by="garbage token"),
    *(one(f"auth/register/422/{name}", "POST /auth/register", body) for name, body in INVALID.items()),
    one("auth/register/409/username", "POST /auth/register", {**NEW, "username": "SUBSCRIBER"}),
    one("auth/register/409/email", "POST /auth/register", {**NEW, "email": "Author@Example.org"}),
    story(
        "auth/register/then-login",
        Step("POST /auth/register", NEW, keep=TOKENS),
        Step("GET /auth/profile", headers=WITH_ACCESS),
        Step("POST /auth/login", {"email": NEW["email"], "password": NEW["password"]}),
    ),
    one("auth/login/success", "POST /auth/login", LOGIN),
    one("auth/login/remember-me", "POST /auth/login", {**LOGIN, "remember_me": True}),
    one("auth/login/email-in-capitals", "POST /auth/login", {**LOGIN, "email": "SUBSCRIBER@EXAMPLE.ORG"}),
    one("auth/login/bad-token-ignored", "POST /auth/login", LOGIN, by="expired token"),
    one(
        "auth/login/old-hash-upgraded", "POST /auth/login", {"email": "old_hash@example.org", "password": OLD_PASSWORD}
    ),
    one("auth/login/401/wrong-password", "POST /auth/login", {**LOGIN, "password": "not the pass-phrase"}),
    one("auth/login/401/unknown-user", "POST /auth/login", {**LOGIN, "email": "nobody@example.org"}),
    one("auth/login/401/suspended", "POST /auth/login", {**LOGIN, "email": "suspended@example.org"}),
    one("auth/login/401/empty", "POST /auth/login", {"email": "", "password": ""}),
    one("auth/login/401/nul", "POST /auth/login", {"email": "a\u0000b", "password": "x"}),
    one("auth/login/422/nothing", "POST /auth/login", {}),
    one("auth/login/422/no-password", "POST /auth/login", {"email": "a@example.org"}),
    one("auth/login/422/wrong-types", "POST /auth/login", {"email": 1, "password": ["x"]}),
    one("auth/login/429", "POST /auth/login", {**LOGIN, "password": "not the pass-phrase"}, times=11),
    one("auth/register/429", "POST /auth/register", {**NEW, "username": "subscriber"}, times=6),
    story(
        "auth/refresh/rotates-and-a-replay-revokes-the-family",
        Step("POST /auth/login", LOGIN, keep={"first": TOKENS["refresh"]}),
        Step("POST /auth/refresh", {"refresh_token": "{first}"}, keep={**TOKENS, "second": TOKENS["refresh"]}),
        Step("GET /auth/profile", headers=WITH_ACCESS),
        Step("POST /auth/refresh", {"refresh_token": "{first}"}),
        Step("POST /auth/refresh", {"refresh_token": "{second}"}),
        Step("GET /auth/profile", headers=WITH_ACCESS),
    ),
    one("auth/refresh/401/access-token", "POST /auth/refresh", {"refresh_token": "{access_token}"}),
    one("auth/refresh/401/expired", "POST /auth/refresh", {"refresh_token": "{expired_refresh}"}),
    one("auth/refresh/401/garbage", "POST /auth/refresh", {"refresh_token": "abc"}),
    one("auth/refresh/422/nothing", "POST /auth/refresh", {}),
    one("auth/refresh/422/null", "POST /auth/refresh", {"refresh_token": None}),
    story(
        "auth/logout/ends-the-session-at-once",
        Step("POST /auth/login", LOGIN, keep=TOKENS),
        Step("POST /auth/logout", headers=WITH_ACCESS),
        Step("GET /auth/profile", headers=WITH_ACCESS),
        Step("POST /auth/refresh", {"refresh_token": "{refresh}"}),
        Step("GET /auth/profile", by="subscriber"),
    ),
    *by_each(("anonymous", "key reader", "token after logout"), one("auth/logout", "POST /auth/logout")),
    *by_each(
        ("anonymous", "subscriber", "author", "editor", "admin", "old_hash", "key reader", "key users_reader"),
        one("auth/profile", "GET /auth/profile"),
    ),
]
