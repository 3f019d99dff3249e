"""The requests that a process has in flight, in a file that outlives it: a killed process can't report them.

The file is mapped into memory, so noting a request copies some hundred bytes. The kernel keeps them when the process
dies.
"""

import contextlib
import mmap
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest

from canary.conf import secret_for
from canary.core.values import Decision, Identity, Snapshot, parse_identity

SLOTS: Final = 128
SLOT_BYTES: Final = 1_024
"""A slot has its state, one byte, and a text that ends with a NUL. The first slot tells whose file it is."""
TEXT_MAX: Final = 256
REPEAT: Final = "repeat"
"""The reason of what no client waits for: a read that is repeated on both versions."""
_EMPTY, _WAITING, _TOLD = 0, 1, 2
_BETWEEN: Final = "\x1f"
_NOBODY: Final = Identity("", "")


class Lost(NamedTuple):
    """A request that was in flight when its process died."""

    started_s: float
    """In unix seconds, as of the last `tick` before it."""
    decision: Decision
    snapshot: Snapshot
    """With the rollout's numbers alone."""
    method: str
    address: str
    path: str
    agent: str
    is_told: bool
    """Whether it was recorded as a failed answer already, for it had hung."""


class Found(NamedTuple):
    """The file of one process."""

    site: str
    worker: str
    lost: list[Lost]


class BlackBox:
    """The box of this process. Any thread may note; none takes a lock."""

    def __init__(self, path: Path, worker: str, now_s: float) -> None:
        """Make the file. Raises OSError where the disk has no room: found out later, that would end the process."""
        self._path = path
        with path.open("wb+") as file:
            file.write(bytes((SLOTS + 1) * SLOT_BYTES))
            file.flush()
            self._map = mmap.mmap(file.fileno(), 0)
        self._free = [slot * SLOT_BYTES for slot in range(SLOTS, 0, -1)]
        self._known: dict[tuple[int, str], tuple[Snapshot, str]] = {}
        """By version and reason, the text that requests share until the next tick."""
        self.tick(now_s)
        owner = f"{own_site()}{_BETWEEN}{worker}\0".encode()
        self._map[1 : 1 + len(owner)] = owner

    def note(self, request: HttpRequest, decision: Decision, snapshot: Snapshot) -> int | None:
        """Keep a request that begins, and return its slot; None when there is none left.

        Texts of clients come last, so that no separator in them moves the others.
        """
        try:
            at = self._free.pop()
        except IndexError:
            return None
        api_version, reason, identity, _ = decision
        known = self._known.get((api_version, reason))
        if known is None or known[0] is not snapshot:
            known = self._known[api_version, reason] = (snapshot, self._shared_text(api_version, reason, snapshot))
        meta, (kind, name) = request.META, identity or _NOBODY
        text = (
            f"{known[1]}\x1f{request.method}\x1f{meta.get('REMOTE_ADDR', '')}\x1f{kind}:{name}\x1f"
            f"{request.path_info}\x1f{meta.get('HTTP_USER_AGENT', '')}\0"
        ).encode("utf-8", "replace")
        if len(text) > SLOT_BYTES:
            text = text[: SLOT_BYTES - 1] + b"\0"
        self._map[at : at + len(text)] = text
        return at

    def tick(self, now_s: float) -> None:
        """Set the time at which requests begin from now on, in unix seconds. Requests don't ask a clock."""
        self._now_s, self._known = now_s, {}

    def _shared_text(self, api_version: int, reason: str, snapshot: Snapshot) -> str:
        numbers = (snapshot.version, snapshot.weight_bp, snapshot.release, snapshot.stage, api_version)
        return chr(_WAITING) + _BETWEEN.join([str(self._now_s), *map(str, numbers), reason])

    def mark_told(self, slot: int) -> None:
        self._map[slot] = _TOLD

    def clear(self, slot: int) -> None:
        self._map[slot] = _EMPTY
        self._free.append(slot)

    def put_away(self) -> None:
        """Remove the file at the end of the process, unless a request is still in flight, which will get no answer."""
        if len(self._free) == SLOTS:
            self._path.unlink(missing_ok=True)


def read_box(path: Path) -> Found:
    """Read the box of a process that has died. Raises ValueError for any other file."""
    data = path.read_bytes()
    slots = [data[at : at + SLOT_BYTES] for at in range(0, len(data), SLOT_BYTES)]
    site, between, worker = _text_of(slots[0]).partition(_BETWEEN) if slots else ("", "", "")
    if not between:
        raise ValueError(f"{path} holds no requests")
    lost = []
    for slot in slots[1:]:
        if slot[0] != _EMPTY:
            with contextlib.suppress(ValueError):  # the process died while it wrote this one
                lost.append(_lost(slot))
    return Found(site, worker, lost)


def own_site() -> str:
    """Return a digest that names this site: others on the machine may keep their boxes in the same folder."""
    database = settings.DATABASES[DEFAULT_DB_ALIAS]
    name = "\0".join(str(database.get(key, "")) for key in ("ENGINE", "HOST", "PORT", "NAME"))
    return blake2b(name.encode(), digest_size=8, key=secret_for("canary-site")).hexdigest()


def _text_of(slot: bytes) -> str:
    return slot[1:].partition(b"\0")[0].decode(errors="replace")


def _lost(slot: bytes) -> Lost:
    started_s, *numbers, reason, rest = _text_of(slot).split(_BETWEEN, 7)
    version, weight_bp, release, stage, api_version = map(int, numbers)
    method, address, identity, path, agent = f"{rest}{4 * _BETWEEN}".split(_BETWEEN)[:5]
    return Lost(
        started_s=float(started_s),
        decision=Decision(api_version, reason, _identity(identity)),
        snapshot=Snapshot(version, weight_bp, "", release=release, stage=stage),
        method=method,
        address=address,
        path=path[:TEXT_MAX],
        agent=agent[:TEXT_MAX],
        is_told=slot[0] == _TOLD,
    )


def _identity(text: str) -> Identity | None:
    return parse_identity(text) if text != str(_NOBODY) else None
