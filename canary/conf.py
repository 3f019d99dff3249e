"""The canary's view of the settings: one dict, `settings.CANARY`, read once until Django signals a change."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string

from canary.core.breakers import Limits
from canary.core.calendar import Freeze, parse_freezes
from canary.core.gates import Gate, gates_of
from canary.core.names import FIRST, Names, fault_of_names, segment_of
from canary.core.routing import bulkhead
from canary.core.shadow_writes import ShadowWrites, shadow_writes_of
from canary.core.values import Snapshot

ENTRANCE: Final = "/api"
PROBLEM_TYPE: Final = "urn:problem-type:canary:"
BUSY: Final = "busy"
NO_ARMS: Final = (
    'The settings name no versions. Add CANARY = {"ARMS": {1: "shop.v1.root_urls", 2: "shop.v2.root_urls"}}, with the'
    " URLconfs of your own versions."
)
FUNCTIONS: Final = frozenset(
    {
        *("IDENTIFY", "HAS_SCOPE", "IS_EXCLUDED", "EVIDENCE_UNIT", "CLOCK", "IS_AWAY"),
        *("NOTIFY", "NOTIFY_BY", "NOTIFY_CONSUMERS", "LIST_IDENTITIES", "CONTACTS", "DEBT"),
    }
)
"""The settings that name a function by its dotted path."""
KEYS: Final = FUNCTIONS | {
    *("ENTRANCE", "ARMS", "SUCCESSORS", "PROBE", "GUIDE", "DOCS", "PROBLEM_TYPE", "METRICS_TOKEN", "TRUSTED_PROXIES"),
    *("STABLE", "CANDIDATE", "IS_STABLE_ENABLED", "IS_CANDIDATE_ENABLED", "IS_V1_ENABLED", "IS_V2_ENABLED"),
    *("WEIGHT_BP", "RETENTION_DAYS", "ANONYMOUS_CONSUMERS", "BUILD", "CODE"),
    *("SHADOW_BP", "SHADOW_CPU_BP", "WARM_UP_S", "WEB_THREADS", "BULKHEAD", "HANG_S", "FAILOVER", "UNGUARDED_S"),
    *("NOTIFY_URLS", "NOTIFY_QUIET_S", "PAGE_URL", "APPROVAL", "FREEZES", "TIME_ZONE"),
    *("SHADOW_WRITES", "LATENCY_MARGIN_BP", "SQL_BUDGET", "GATES", *(name.upper() for name in Limits.__slots__)),
}
"""All settings of the dict: a public contract, documented in docs/library.md."""
RETENTION_DAYS = 90
ANONYMOUS_CONSUMERS = 1_000
WARM_UP_S = 180
WEB_THREADS = 8
HANG_S = 10.0
UNGUARDED_S = 300
NOTIFY_QUIET_S = 3_600
NOTIFY_BY = "canary.notices.choosing.notify_by_thread"
BUILD_MAX = 64
READ_FROM = frozenset({"CANARY", "SECRET_KEY", "SESSION_COOKIE_SECURE"})
EVER = datetime.min.replace(tzinfo=UTC)


type Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class CanaryConf:
    entrance: str
    names: Names
    """The names of the versions whose journey the settings describe. Those in force are the stored rollout's."""
    arms: dict[str, str]
    """The URLconf of each version, by its name."""
    segment: re.Pattern[str]
    """Finds the name of a version after the entrance."""
    successors: str
    """The module that maps v1's calls to v2's, by dotted name; empty once v1 is deleted."""
    probe: str
    """The path below its base that `doctor` and the checklist ask each version for."""
    guide: str
    """Where clients read how to change over to v2: a path below its base, or a whole URL; empty without one."""
    docs: str
    """The documentation of v2, likewise: the guide once v1 and its mapping are deleted."""
    problem_type: str
    """The beginning of the `type` of problem details, before the code."""
    identify: Callable[[HttpRequest], tuple[str, str] | None]
    """Return kind and id of the person behind a request's credential; None when it carries no valid one."""
    has_scope: Callable[[HttpRequest, str], bool]
    """Return whether an answered request's credential may be used for a scope; only API keys are bound to scopes."""
    is_excluded: Callable[[HttpRequest], str]
    """Return why an answered request is not evidence, such as `staff` or `bot`; empty when it is."""
    evidence_unit: Callable[[HttpRequest], tuple[str, datetime] | tuple[str, datetime, bool] | None]
    """Return the id of the person behind an answered request, and the time from which the person counts alone.

    Others count once per network. A third value tells whether the person may choose among keys: tests that need a side
    by chance don't bet on these. None for an unknown person. Called after the response is made, with what the view
    loaded.
    """
    has_evidence_unit: bool
    """Whether the site names that function. Else its views may know people of whom the canary learns nothing."""
    clock: Callable[[], float]
    """The present in unix seconds, on which all processes of the site agree."""
    retention_days: int
    """How long observations are kept."""
    anonymous_consumers: int
    """How many names that anybody could make up have a row of their own in the usage of v1, per day and kind."""
    notify: Callable[[Any], None] | None
    """Gets every RolloutEvent, in the transaction that makes it."""
    notify_consumers: Callable[[Sequence[Mapping[str, Any]], Mapping[str, Any]], dict[str, str]] | None
    """Gets the usage of v1 by consumer and the dates of its end; returns what became of each consumer's notice."""
    metrics_token: str
    """With it `/metrics` may be read from anywhere; empty for nobody."""
    trusted_proxies: tuple[Network, ...]
    """Networks that `/metrics` may be read from, beside the machine itself."""
    list_identities: Callable[[datetime], Iterable[tuple[str, str]]]
    """Kind and id of everybody who is known by name at that moment, for the question who would move."""
    contacts: Callable[[Sequence[str], Any], Mapping[str, Mapping[str, str]]]
    """Gets consumers, and the user who looks or None on the command line. Returns by consumer whom to write to: `user`
    is the person's id, `name` and `address` are texts; each may be missing."""
    debt: Callable[[datetime], Mapping[str, QuerySet[Any]]] | None
    """By the name of a feature that v1 can't show, the rows that have it at that moment."""
    environment_weight_bp: int | None
    """The environment's percentage, None without one."""
    shadow_bp: int
    """Share of either version's reads that shadow reads repeat, in basis points."""
    shadow_cpu_bp: int
    """Share of one core that they may take in each process, averaged, in basis points."""
    shadow_writes: ShadowWrites | None
    """How writes of v1 are run by both versions on a copy of the rows; None for not at all."""
    warm_up_s: float
    """How long each step's latencies are recorded apart, as caches fill: shown, and not judged."""
    web_threads: int
    """How many requests a server process answers at a time."""
    bulkhead: int
    """How many of these the candidate may answer; 0 for a number that follows the weight."""
    hang_s: float
    """After how long a request without an answer is a failure of its version."""
    has_failover: bool
    """Whether the stable version answers reads in which the candidate failed."""
    is_away: Callable[[HttpResponseBase], bool | str]
    """Whether an answer says that something is away without which neither version can answer, such as the database.

    BUSY if it says that its version has no room for the request.
    """
    unguarded_s: int
    """After how many seconds without a finished turn of a controller people are told."""
    named_build: str
    """The build's name; empty where its code names it."""
    code: tuple[Path, ...]
    """Folders and files whose Python code makes the build."""
    limits: Limits
    """The limits of a release where no plan declares others."""
    latency_margin: float
    """By how much v2 may take longer than v1 for the same read: 0.2 for a fifth."""
    sql_budget: int
    """How many statements more than v1's it may send for it."""
    notify_urls: Mapping[str, Sequence[str]]
    """By kind of change, the Apprise URLs that hear of it; under `all` those for every kind."""
    notify_quiet_s: float
    """For how long the same change is not told again."""
    notify_by: Callable[[int, int], None]
    """Gets the version of an event and the position of a URL, in the transaction; has the notice sent beside it."""
    page_url: str
    """The address of the rollout's page, for notices; empty when unknown."""
    freezes: tuple[Freeze, ...]
    """Times without a step up."""
    time_zone: tzinfo
    """The zone of freezes and of dates without one."""
    is_approval_needed: bool
    """Whether a step up waits until a second person approves it."""
    gates: tuple[Gate, ...]
    """The site's own gates: a step has to pass each of them."""
    is_cookie_secure: bool
    """Whether browsers send the cookie of identities by HTTPS alone, as they do with that of sessions."""
    snapshot: Snapshot
    """The environment's rollout: in force until there is a stored one."""

    def now(self) -> datetime:
        """Return the time of `clock`."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def enabled(self, names: Names) -> tuple[bool, bool]:
        """Return whether the versions with these names are in service here.

        One without an arm is not: it was deleted, or its code comes with the next deployment. The switches are those of
        the settings' own journey.
        """
        if names == self.names:
            return self.snapshot.is_stable_enabled, self.snapshot.is_candidate_enabled
        return names.stable in self.arms, names.candidate in self.arms

    def bulkhead_at(self, weight_bp: int) -> int:
        """Return how many requests of the candidate a process answers at a time."""
        return self.bulkhead or bulkhead(self.web_threads, weight_bp)

    def build(self) -> str:
        """Return the build that this process runs; empty when the settings have neither its name nor its code.

        The files are read once: ask early in a server's life, for a deployment may replace them later.
        """
        return self.named_build or (_hash_of_code(self.code) if self.code else "")


_loaded: CanaryConf | None = None


def canary_conf() -> CanaryConf:
    """Return the settings, cached: a look at `settings` takes a third of a microsecond, several times per request."""
    global _loaded  # noqa: PLW0603  a cache of one entry, replaced whole
    if _loaded is None:
        _loaded = _load(_declared())
    return _loaded


def _forget(*, setting: str, **_: object) -> None:
    global _loaded  # noqa: PLW0603  as above
    if setting in READ_FROM:
        _loaded = None


setting_changed.connect(_forget)


def secret_for(purpose: str) -> bytes:
    """Return 32 bytes for one purpose of the canary, from SECRET_KEY; `purpose` has at most 16 ASCII characters."""
    return _derived(settings.SECRET_KEY, purpose)


def secrets_for(purpose: str) -> Iterator[bytes]:
    """Return the secret of SECRET_KEY, then of each key in SECRET_KEY_FALLBACKS, for text that an older key signed."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield _derived(key, purpose)


@lru_cache(maxsize=64)
def _derived(key: str, purpose: str) -> bytes:
    return blake2b(key.encode(), digest_size=32, person=purpose.encode()).digest()


def _declared() -> Mapping[str, Any]:
    conf: Mapping[str, Any] = getattr(settings, "CANARY", {})
    if not conf.get("ARMS"):
        raise ImproperlyConfigured(NO_ARMS)
    return conf


def _load(conf: Mapping[str, Any]) -> CanaryConf:
    return CanaryConf(
        **_versions_of(conf),
        entrance=conf.get("ENTRANCE", ENTRANCE),
        successors=conf.get("SUCCESSORS") or "",
        probe=conf.get("PROBE", "/"),
        guide=conf.get("GUIDE", ""),
        docs=conf.get("DOCS", ""),
        problem_type=conf.get("PROBLEM_TYPE", PROBLEM_TYPE),
        identify=_function(conf, "IDENTIFY", _nobody_is_named),
        has_scope=_function(conf, "HAS_SCOPE", _no_key_has_a_scope),
        is_excluded=_function(conf, "IS_EXCLUDED", _nobody_is_excluded),
        evidence_unit=_function(conf, "EVIDENCE_UNIT", _whom_the_view_knows),
        has_evidence_unit=bool(conf.get("EVIDENCE_UNIT")),
        clock=_function(conf, "CLOCK", time.time),
        retention_days=conf.get("RETENTION_DAYS", RETENTION_DAYS),
        anonymous_consumers=conf.get("ANONYMOUS_CONSUMERS", ANONYMOUS_CONSUMERS),
        notify=_function(conf, "NOTIFY", None),
        notify_consumers=_function(conf, "NOTIFY_CONSUMERS", None),
        metrics_token=conf.get("METRICS_TOKEN") or "",
        trusted_proxies=tuple(ip_network(network) for network in conf.get("TRUSTED_PROXIES", ())),
        list_identities=_function(conf, "LIST_IDENTITIES", _nobody_is_known),
        contacts=_function(conf, "CONTACTS", _nobody_has_a_contact),
        debt=_function(conf, "DEBT", None),
        environment_weight_bp=conf.get("WEIGHT_BP"),
        shadow_bp=conf.get("SHADOW_BP", 0),
        shadow_cpu_bp=conf.get("SHADOW_CPU_BP", 1_000),
        shadow_writes=_parsed(conf, "SHADOW_WRITES", shadow_writes_of),
        warm_up_s=conf.get("WARM_UP_S", WARM_UP_S),
        web_threads=conf.get("WEB_THREADS", WEB_THREADS),
        bulkhead=conf.get("BULKHEAD", 0),
        hang_s=conf.get("HANG_S", HANG_S),
        has_failover=conf.get("FAILOVER", True),
        is_away=_function(conf, "IS_AWAY", _nothing_is_away),
        unguarded_s=conf.get("UNGUARDED_S", UNGUARDED_S),
        named_build=conf.get("BUILD", "")[:BUILD_MAX],
        code=tuple(conf.get("CODE", ())),
        limits=Limits(**{name: conf[name.upper()] for name in Limits.__slots__ if name.upper() in conf}),
        latency_margin=conf.get("LATENCY_MARGIN_BP", 2_000) / 10_000,
        sql_budget=conf.get("SQL_BUDGET", 5),
        notify_urls=conf.get("NOTIFY_URLS") or {},
        notify_quiet_s=conf.get("NOTIFY_QUIET_S", NOTIFY_QUIET_S),
        notify_by=import_string(conf.get("NOTIFY_BY") or NOTIFY_BY),
        page_url=conf.get("PAGE_URL") or "",
        freezes=_parsed(conf, "FREEZES", parse_freezes),
        time_zone=_zone_of(conf),
        is_approval_needed=conf.get("APPROVAL", False),
        gates=_parsed(conf, "GATES", gates_of),
        is_cookie_secure=settings.SESSION_COOKIE_SECURE,
    )


def _function(conf: Mapping[str, Any], name: str, default: Callable[..., Any] | None) -> Any:
    return import_string(conf[name]) if conf.get(name) else default


def arms_of(conf: Mapping[str, Any]) -> dict[str, str]:
    """Return the arms by name; the settings may name a version by a number."""
    return {str(name): urlconf for name, urlconf in conf["ARMS"].items()}


def _versions_of(conf: Mapping[str, Any]) -> dict[str, Any]:
    names = _names_of(conf)
    snapshot = _snapshot_of(conf, names)
    return {"names": names, "arms": arms_of(conf), "segment": segment_of(names), "snapshot": snapshot}


def _names_of(conf: Mapping[str, Any]) -> Names:
    names = Names(str(conf.get("STABLE", FIRST.stable)), str(conf.get("CANDIDATE", FIRST.candidate)))
    if fault := fault_of_names(names):
        raise ImproperlyConfigured(f'CANARY["STABLE"] and CANARY["CANDIDATE"]: {fault}')
    return names


def _snapshot_of(conf: Mapping[str, Any], names: Names) -> Snapshot:
    arms = arms_of(conf)
    return Snapshot(
        version=0,
        weight_bp=conf.get("WEIGHT_BP") or 0,
        # The same in every process and after every restart, and known to nobody outside.
        salt=secret_for("canary-salt").hex()[:32],
        # A version without an arm is out of service, regardless of the environment: it was deleted.
        is_stable_enabled=conf.get("IS_STABLE_ENABLED", conf.get("IS_V1_ENABLED", True)) and names.stable in arms,
        is_candidate_enabled=conf.get("IS_CANDIDATE_ENABLED", conf.get("IS_V2_ENABLED", True))
        and names.candidate in arms,
        names=names,
    )


def _zone_of(conf: Mapping[str, Any]) -> tzinfo:
    name = conf.get("TIME_ZONE") or settings.TIME_ZONE
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ImproperlyConfigured(f'CANARY["TIME_ZONE"]: {name!r} is not a time zone.') from error


def _parsed[T](conf: Mapping[str, Any], name: str, parse: Callable[[Any], T]) -> T:
    try:
        return parse(conf.get(name) or ())
    except ValueError as error:
        raise ImproperlyConfigured(f'CANARY["{name}"]: {error}') from error


@lru_cache(maxsize=4)
def _hash_of_code(places: tuple[Path, ...]) -> str:
    """Return 16 hexadecimal digits over these Python files and those in these folders; the same on all machines."""
    digest = blake2b(digest_size=8)
    for place in filter(Path.exists, places):
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(place.parent).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def _nobody_is_named(request: HttpRequest) -> tuple[str, str] | None:
    return None


def _no_key_has_a_scope(request: HttpRequest, scope: str) -> bool:
    return "HTTP_X_API_KEY" not in request.META


def _nothing_is_away(response: HttpResponseBase) -> bool:
    return False


def _nobody_is_excluded(request: HttpRequest) -> str:
    return ""


def _whom_the_view_knows(request: HttpRequest) -> tuple[str, datetime] | None:
    """Return the person: every user counts alone. A user that the view did not load stays unloaded, to save a query."""
    known = request.__dict__
    user: Any = known.get("user")
    if type(user) is SimpleLazyObject:
        user = known.get("_cached_user")
    return (str(user.pk), EVER) if user is not None and user.is_authenticated else None


def _nobody_is_known(now: datetime) -> Iterable[tuple[str, str]]:
    return ()


def _nobody_has_a_contact(consumers: Sequence[str], viewer: Any) -> Mapping[str, Mapping[str, str]]:
    return {}
