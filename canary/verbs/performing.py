"""Perform a verb, the same through every door."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, InterfaceError

from canary.errors import StoreUnreachable
from canary.state.status import status
from canary.state.store import refresh
from canary.verbs.declaring import Call, Verb

UNREACHABLE = "The rollout's database can't be reached, or has no tables yet: {}."


def perform(verb: Verb, call: Call) -> Mapping[str, Any]:
    """Return the verb's result, or the status object after a change. Raises RolloutError."""
    with reachable():
        result = verb.run(call)
        return status(call.now) if result is None else result


def version_now() -> int:
    """Return the version on which a change from the command line is based. Raises StoreUnreachable."""
    with reachable():
        return refresh().version


@contextmanager
def reachable() -> Iterator[None]:
    """Turn exceptions of databases into StoreUnreachable."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise StoreUnreachable("store-unreachable", UNREACHABLE.format(said)) from error
