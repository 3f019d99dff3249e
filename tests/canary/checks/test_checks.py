"""Each thing that a site's settings may lack is named by a check, with the line to add."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from django.contrib import admin
from django.core.checks import CheckMessage
from django.urls import include, path
from pytest_django.fixtures import Settings

from canary.checks import parts
from canary.checks.mapping import check_mapping
from canary.checks.parts import check_doors, check_store
from canary.checks.urlconfs import check_arms
from canary.checks.wiring import MIDDLEWARE, check_dict, check_middleware, check_server
from canary.successors import gap, route

ARMS = {1: "tests.canary.arm_urls_v1", 2: "tests.canary.arm_urls_v2"}
COMMON = "django.middleware.common.CommonMiddleware"
CHECKS = (check_dict, check_middleware, check_server, check_arms, check_mapping, check_store, check_doors)
NOTHING = "tests.canary.checks.test_checks"
urlpatterns: list[Any] = []


def found() -> list[CheckMessage]:
    return [message for check in CHECKS for message in check()]


@pytest.fixture
def sound(settings: Settings) -> Settings:
    settings.CANARY = {"ARMS": ARMS}
    assert found() == []
    return settings


@pytest.mark.parametrize(
    ("conf", "identifier", "hint"),
    [
        ({}, "canary.E002", 'Add CANARY = {"ARMS": {1: '),
        ({"ARMS": ARMS, "IDENTIFY": "shop.nobody"}, "canary.E003", "take IDENTIFY out"),
        ({"ARMS": ARMS, "SUCESSORS": "shop.successors"}, "canary.W001", "Write 'SUCCESSORS'."),
        ({"ARMS": ARMS, "COLOUR": "red"}, "canary.W001", "Take it out."),
        ({"ARMS": ARMS, "ENTRANCE": "api/"}, "canary.E004", 'Write "ENTRANCE": "/api".'),
        ({"ARMS": {**ARMS, 3: ARMS[2]}}, "canary.E005", 'Write "ARMS": {1: '),
        ({"ARMS": ARMS, "STABLE": "2"}, "canary.E018", 'Write "STABLE": "1"'),
        ({"ARMS": ARMS, "CANDIDATE": "3"}, "canary.E005", 'Write "ARMS": {1: "…", 3: "…"}'),
        ({"ARMS": ARMS, "GATES": [{"name": "orders"}]}, "canary.E016", "docs/canary.md"),
        ({"ARMS": ARMS, "FREEZES": ["weekends"]}, "canary.E017", "Fri 12:00/Mon 08:00"),
        ({"ARMS": ARMS, "FREEZES": ["Fri 12:00/Mon 08:00"] * 51}, "canary.E017", "Fri 12:00/Mon 08:00"),
        ({"ARMS": ARMS, "TIME_ZONE": "Mars/Base"}, "canary.E017", "Europe/Berlin"),
        ({"ARMS": ARMS, "SHADOW_WRITES": {"SHARE_BP": 1}}, "canary.E019", '"ROWS": "shop.shadowing.rows"'),
        ({"ARMS": ARMS, "SHADOW_WRITES": {"ROWS": "shop.none"}}, "canary.E019", '"ROWS": "shop.shadowing.rows"'),
        ({"ARMS": ARMS, "SHADOW_WRITES": {"ROWS": "os.walk", "SHARE": 1}}, "canary.E019", '"SHARE_BP": 0'),
        ({"ARMS": ARMS, "SHADOW_WRITES": {"ROWS": "os.walk", "ROWS_MAX": 0}}, "canary.E019", '"SHARE_BP": 0'),
        ({"ARMS": ARMS, "SHADOW_WRITES": {"ROWS": "os.walk", "ROWS_MAX": 1.5}}, "canary.E019", '"SHARE_BP": 0'),
        (
            {"ARMS": {**ARMS, 2: "shop.nowhere"}},
            "canary.E008",
            'path("api/v2/", include("…")), path("api/", include("…"))',
        ),
        ({"ARMS": {**ARMS, 2: NOTHING}}, "canary.W004", 'Add path("api/v2/", include(…))'),
        ({"ARMS": ARMS, "SUCCESSORS": "shop.nowhere"}, "canary.E014", 'take "SUCCESSORS" out'),
    ],
)
def test_the_dict(settings: Settings, conf: dict[str, Any], identifier: str, hint: str) -> None:
    settings.CANARY = conf
    (first, *_rest) = found()
    assert (first.id, hint in str(first.hint)) == (identifier, True)


@pytest.mark.parametrize(
    ("name", "value", "identifier", "hint"),
    [
        ("MIDDLEWARE", [COMMON], "canary.E001", f'Add "{MIDDLEWARE}" to MIDDLEWARE'),
        ("MIDDLEWARE", [COMMON, MIDDLEWARE], "canary.E006", f'Move "{MIDDLEWARE}" before'),
        ("ASGI_APPLICATION", "shop.asgi.application", "canary.E007", "serve WSGI_APPLICATION"),
        ("WSGI_APPLICATION", None, "canary.W002", "from canary.server import serve"),
        ("WSGI_APPLICATION", "tests.canary.arm_urls_v1.application", "canary.W003", "from canary.server import serve"),
        ("USE_TZ", False, "canary.E010", "Add USE_TZ = True."),
    ],
)
def test_the_other_settings(sound: Settings, name: str, value: Any, identifier: str, hint: str) -> None:
    setattr(sound, name, value)
    assert [(one.id, hint in str(one.hint)) for one in found()] == [(identifier, True)]


def test_databases_without_a_lock_that_waits_or_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    class Connection:
        vendor, settings_dict = "sqlite", {"OPTIONS": {"timeout": 20}}

    monkeypatch.setattr(parts, "connection", Connection)
    assert [(one.id, '"IMMEDIATE"' in str(one.hint)) for one in check_store()] == [("canary.W005", True)]
    Connection.vendor = "mysql"
    assert [one.id for one in check_store()] == ["canary.E009"]


@pytest.mark.parametrize(
    ("is_first", "identifiers"),
    [(True, []), (False, ["canary.E013"])],
)
def test_the_page_stands_ahead_of_the_admin_site(
    sound: Settings, urlconf: Callable[..., None], is_first: bool, identifiers: list[str]
) -> None:
    page, site = path("admin/canary/", include("canary.pages.urls")), path("admin/", admin.site.urls)
    urlconf([page, site] if is_first else [site, page])
    assert [one.id for one in check_doors()] == identifiers


def test_nobody_can_sign_in_at_a_control_api_without_authentication(
    sound: Settings, urlconf: Callable[..., None]
) -> None:
    urlconf([path("canary/api/", include("canary.control_api.urls"))])
    sound.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": []}
    assert [one.id for one in check_doors()] == ["canary.W006"]


@pytest.mark.parametrize(
    ("routes", "identifiers"),
    [
        ((route("GET /things/{id}", "GET /things/{pk}"),), ["canary.E015"]),
        ((route("GET /things", "GET /things"),), ["canary.W007"]),
        ((route("GET /things", "GET /things"), gap("GET /things/{id}", "There are none.")), []),
    ],
)
def test_a_mapping_with_a_fault_or_without_a_call(
    sound: Settings, monkeypatch: pytest.MonkeyPatch, routes: tuple[Any, ...], identifiers: list[str]
) -> None:
    module: Any = ModuleType(f"mapping_{id(routes)}")  # a process keeps a mapping by its name
    module.ROUTES, module.SHAPES = routes, {}
    monkeypatch.setitem(sys.modules, module.__name__, module)
    arms = {1: "tests.canary.arm_routes_v1", 2: ARMS[2]}
    sound.CANARY = {"ARMS": arms, "SUCCESSORS": module.__name__}
    assert [one.id for one in check_mapping()] == identifiers


@pytest.fixture
def urlconf(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Callable[..., None]:
    """`urlconf(patterns)`: the site's own addresses."""

    def use(patterns: list[Any]) -> None:
        module: Any = ModuleType("addresses_of_a_site")
        module.urlpatterns = patterns
        settings.ROOT_URLCONF = module

    return use
