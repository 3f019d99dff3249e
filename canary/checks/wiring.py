"""Checks of the dict, the middleware and the servers' entry: without them nothing is routed, or nothing changes."""

from collections.abc import Iterator
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.middleware.cache import FetchFromCacheMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.locale import LocaleMiddleware
from django.utils.module_loading import import_string

from canary.conf import FUNCTIONS, KEYS, NO_ARMS, arms_of, canary_conf
from canary.core.calendar import parse_freezes
from canary.core.gates import gates_of
from canary.core.names import FIRST, Names, fault_of_names, number_of
from canary.core.shadow_writes import shadow_writes_of

MIDDLEWARE: Final = "canary.middleware.CanaryMiddleware"
AFTER: Final = (FetchFromCacheMiddleware, CommonMiddleware, LocaleMiddleware)
"""Middleware that looks at the URL, or answers by it: it has to see the version that the canary has chosen."""
SERVE: Final = "application = get_wsgi_application(); from canary.server import serve; serve()"


def is_configured() -> bool:
    """Return whether the dict can be read; `check_dict` says why not, so other checks need not."""
    try:
        canary_conf()
    except (ImproperlyConfigured, ImportError, TypeError, ValueError):
        return False
    return True


@checks.register()
def check_dict(**kwargs: Any) -> list[checks.CheckMessage]:
    """Check that CANARY names both versions, only functions that exist, and nothing unknown."""
    conf = getattr(settings, "CANARY", {})
    if not conf.get("ARMS"):
        problem, _, hint = NO_ARMS.partition(" Add ")
        return [checks.Error(problem, hint=f"Add {hint}", id="canary.E002")]
    return [*_lost_functions(conf), *_unknown_keys(conf), *_wrong_values(conf)]


def _lost_functions(conf: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    for name in filter(conf.get, FUNCTIONS):
        try:
            import_string(conf[name])
        except ImportError as error:
            hint = f"Name a function by its dotted path, or take {name} out: it is optional."
            yield checks.Error(f"CANARY[{name!r}] can't be imported: {error}", hint=hint, id="canary.E003")


def _unknown_keys(conf: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    for name in conf.keys() - KEYS:
        near = get_close_matches(name, KEYS, n=1)
        hint = f"Write {near[0]!r}." if near else "Take it out."
        yield checks.Warning(f"CANARY has no setting {name!r}, so it does nothing.", hint=hint, id="canary.W001")


def _wrong_values(conf: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    entrance = conf.get("ENTRANCE", "/api")
    if not entrance.startswith("/") or entrance.endswith("/"):
        hint = f'Write "ENTRANCE": "/{entrance.strip("/")}".'
        yield checks.Error(f"CANARY['ENTRANCE'] is {entrance!r}, and not a path.", hint=hint, id="canary.E004")
    yield from _wrong_names(conf)
    try:
        gates_of(conf.get("GATES", ()))
    except ValueError as error:
        hint = "Write each gate as docs/canary.md shows."
        yield checks.Error(f"CANARY['GATES']: {error}", hint=hint, id="canary.E016")
    try:
        if writes := shadow_writes_of(conf.get("SHADOW_WRITES") or ()):
            import_string(writes.rows)
    except (ValueError, ImportError) as error:
        hint = 'Write "SHADOW_WRITES": {"ROWS": "shop.shadowing.rows", "SHARE_BP": 0}.'
        yield checks.Error(f"CANARY['SHADOW_WRITES']: {error}", hint=hint, id="canary.E019")
    try:
        parse_freezes(conf.get("FREEZES", ()))
        ZoneInfo(conf.get("TIME_ZONE") or settings.TIME_ZONE)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        hint = 'Write "FREEZES": ["Fri 12:00/Mon 08:00"], "TIME_ZONE": "Europe/Berlin".'
        yield checks.Error(f"CANARY's calendar can't be read: {error}", hint=hint, id="canary.E017")


def _wrong_names(conf: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    names = Names(str(conf.get("STABLE", FIRST.stable)), str(conf.get("CANDIDATE", FIRST.candidate)))
    stable, candidate = map(repr, map(number_of, names))
    if fault := fault_of_names(names):
        hint = 'Write "STABLE": "1", "CANDIDATE": "2".'
        yield checks.Error(f"CANARY's names of the versions can't be used: {fault}", hint=hint, id="canary.E018")
    elif not {*arms_of(conf)} <= {*names}:
        hint = (
            f'Write "ARMS": {{{stable}: "…", {candidate}: "…"}}: {stable} is the version that clients leave,'
            f" {candidate} the one that they go to."
        )
        problem = f"CANARY['ARMS'] has other keys than {stable} and {candidate}."
        yield checks.Error(problem, hint=hint, id="canary.E005")


@checks.register(checks.Tags.urls)
def check_middleware(**kwargs: Any) -> list[checks.CheckMessage]:
    """Check that the middleware is there, before all that look at the URL."""
    if MIDDLEWARE not in settings.MIDDLEWARE:
        hint = f'Add "{MIDDLEWARE}" to MIDDLEWARE, before anything that looks at the URL.'
        return [checks.Error("Nothing routes the API's paths.", hint=hint, id="canary.E001")]
    before = settings.MIDDLEWARE[: settings.MIDDLEWARE.index(MIDDLEWARE)]
    hint = f'Move "{MIDDLEWARE}" before it in MIDDLEWARE.'
    return [
        checks.Error(f"{name} looks at the URL before the canary has chosen a version.", hint=hint, id="canary.E006")
        for name in before
        if _looks_at_the_url(name)
    ]


def _looks_at_the_url(name: str) -> bool:
    found = import_string(name)
    return isinstance(found, type) and issubclass(found, AFTER)


@checks.register()
def check_server(**kwargs: Any) -> list[checks.CheckMessage]:
    """Check that server processes read the rollout, and that they are not served by ASGI."""
    if getattr(settings, "ASGI_APPLICATION", None):
        hint = "Take ASGI_APPLICATION out and serve WSGI_APPLICATION, with threads. Async views work there too."
        return [checks.Error("The canary can't be served by ASGI yet.", hint=hint, id="canary.E007")]
    name = settings.WSGI_APPLICATION
    if not name:
        hint = f'Add WSGI_APPLICATION = "….wsgi.application", and to that file: {SERVE}'
        return [checks.Warning("No server process reads the rollout.", hint=hint, id="canary.W002")]
    source = _source_of(name.rpartition(".")[0])
    if source is None or ("canary.server" in source and "serve" in source):
        return []
    problem = f"{name} does not start the canary's threads: no process would see a change of the rollout."
    return [checks.Warning(problem, hint=f"Write there: {SERVE}", id="canary.W003")]


def _source_of(module: str) -> str | None:
    """Return the text of a module without running it; None where there is none to read."""
    try:
        found = find_spec(module)
    except ImportError:
        return None
    path = Path(found.origin) if found and found.origin else None
    return path.read_text() if path and path.suffix == ".py" and path.exists() else None
