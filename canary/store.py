"""The rollout as this process knows it: what the environment says, as long as no rollout is stored."""

from canary.conf import canary_conf
from canary.core.values import Snapshot


def current_snapshot() -> Snapshot:
    return canary_conf().snapshot
