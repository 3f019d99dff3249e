"""A rollout at a weight, requests of it, and what the recorder made of them in the database."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.test import Client
from django.utils import timezone

from canary.core.bucketing import bucket
from canary.core.values import Identity
from canary.models import Observation
from canary.recording import flushing
from canary.recording.recorder import queue
from canary.services import set_weight
from canary.state import store

ARMS = {
    "ARMS": {1: "tests.canary.seen_urls_v1", 2: "tests.canary.seen_urls_v2"},
    "IDENTIFY": "cms.accounts.credentials.identify",
    "IS_EXCLUDED": "cms.rollout.exclusions.why_excluded",
    "EVIDENCE_UNIT": "cms.rollout.evidence_units.unit_of",
}


@contextlib.contextmanager
def fresh_recorder() -> Iterator[None]:
    """Nothing that other tests left stands in it, and nothing is left for them."""
    _begin_anew()
    yield
    _begin_anew()


def _begin_anew() -> None:
    queue.clear()
    flushing.outbox = flushing.Outbox()
    store.forget()


def weight(weight_bp: int) -> None:
    """Give v2 this share, for this process."""
    row = store.refresh()
    set_weight(weight_bp=weight_bp, actor="cli:test", reason="a test", expected_version=row.version, now=timezone.now())
    store.refresh()


def client_on(api_version: int, number: int = 0) -> str:
    """The id of a client that is answered by this version at the present weight."""
    snapshot = store.current_snapshot()
    ids = (f"client-{n}" for n in range(100_000))
    fitting = (
        one
        for one in ids
        if (bucket(Identity("client", one), snapshot.salt) < snapshot.weight_bp) == (api_version == 2)
    )
    return next(one for place, one in enumerate(fitting) if place == number)


def ask(path: str, client_id: str = "", times: int = 1, **headers: str) -> None:
    browser = Client(raise_request_exception=False)
    named = {"x-client-id": client_id} if client_id else {}
    for _ in range(times):
        browser.get(path, headers={**named, **{name.replace("_", "-"): value for name, value in headers.items()}})


def metrics_of(**values: Any) -> list[str]:
    """The metrics of the observations with these values, in the order in which they were written."""
    return list(Observation.objects.filter(**values).order_by("pk").values_list("metric", flat=True))
