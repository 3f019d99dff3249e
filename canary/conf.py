"""The canary's view of the settings: one dict, `settings.CANARY`, read once until it is another dict."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string

from canary.core.values import Snapshot


@dataclass(frozen=True)
class CanaryConf:
    entrance: str
    arms: dict[int, str]
    """The URLconf of each version, by dotted name."""
    identify: Callable[[HttpRequest], tuple[str, str] | None]
    """Kind and id of whoever a request's credential speaks for; None when it carries no good one."""
    snapshot: Snapshot
    """What the environment says of the rollout: in force until there is a stored rollout."""


_loaded: tuple[Any, CanaryConf] | None = None


def canary_conf() -> CanaryConf:
    global _loaded  # noqa: PLW0603  a cache of one entry, replaced whole
    if _loaded is None or _loaded[0] is not settings.CANARY:
        _loaded = (settings.CANARY, _load(settings.CANARY))
    return _loaded[1]


def secret_for(purpose: str) -> bytes:
    """32 bytes for one purpose of the canary, derived from SECRET_KEY; `purpose` has at most 16 ASCII characters."""
    return blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=purpose.encode()).digest()


def _load(conf: dict[str, Any]) -> CanaryConf:
    return CanaryConf(
        entrance=conf["ENTRANCE"],
        arms=conf["ARMS"],
        identify=import_string(conf["IDENTIFY"]),
        snapshot=Snapshot(
            weight_bp=conf["WEIGHT_BP"] or 0,
            # The same in every process and after every restart, and known to nobody outside.
            salt=secret_for("canary-salt").hex()[:32],
            # A version without an arm is out of service, whatever the environment says: v1 was deleted.
            is_v1_enabled=conf["IS_V1_ENABLED"] and 1 in conf["ARMS"],
            is_v2_enabled=conf["IS_V2_ENABLED"] and 2 in conf["ARMS"],
        ),
    )
