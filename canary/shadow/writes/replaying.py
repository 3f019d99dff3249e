"""Play writes of v1 from a file through both versions, on private copies: on staging, before any is sampled."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from django.conf import settings

from canary.conf import canary_conf
from canary.core.mapping import Difference
from canary.core.values import STABLE, Snapshot
from canary.errors import Refused
from canary.shadow.asking import Read
from canary.shadow.offering import SLACK_S
from canary.shadow.reading import Outcome
from canary.shadow.results import Tally, kind_of
from canary.shadow.watchdog import OverdueError, StoppedError, Watchdog
from canary.shadow.writes.pairs import JSON, METHODS, prepare_write
from canary.shadow.writes.running import Write
from canary.state import store

SHOWN: Final = ("status", "side_effect")
MEMBERS: Final = frozenset({"method", "path", "body", "headers", "identity"})
UNDECLARED: Final = 'CANARY["SHADOW_WRITES"] names no ROWS, so nothing is known of the rows to copy.'


def replay_writes(lines: Iterable[str], now: datetime) -> dict[str, Any]:
    """Return what became of each write; differences are also stored for the release in force. Raises Refused."""
    conf = canary_conf().shadow_writes
    if conf is None:
        raise Refused("no-rows", UNDECLARED)
    _, snapshot = store.read()
    writes = [*_read_writes(lines, snapshot)]
    tally, watchdog = Tally(), Watchdog("canary-writes")
    tally.flush()  # reads which differences are accepted
    found = []
    try:
        for number, write in writes:
            outcome = play(write, watchdog, conf.timeout_s)
            result = tally.add(outcome, snapshot.release, is_public=False, now=now)
            found.append({"line": number, "result": result, **_told(write, outcome)})
    finally:
        watchdog.rest()
        tally.flush()
    return {"release": snapshot.release, "names": snapshot.names.as_json(), "writes": found}


def play(write: Write, watchdog: Watchdog, timeout_s: float) -> Outcome:
    """Return the outcome of one write. Raises Refused when too many threads hang."""
    prepared = prepare_write(write, is_v2_first=random.random() < 0.5)  # noqa: S311  so that neither is always second
    if isinstance(prepared, Outcome):
        return prepared
    try:
        return watchdog.run(partial(prepared.run, timeout_s), timeout_s + SLACK_S)
    except OverdueError as error:
        return prepared.late(is_lost=error.is_lost)
    except StoppedError as error:
        raise Refused("threads-hang", "Two handlers hang and can't be ended: repair them, then play again.") from error


def _told(write: Write, outcome: Outcome) -> dict[str, Any]:
    return {
        "route": outcome.route or f"{write.method} {write.read.path}",
        "error": str(outcome.error) if outcome.error else "",
        "differences": [_shown(one) for one in outcome.differences],
    }


def _shown(difference: Difference) -> dict[str, Any]:
    """Return the difference without values of rows."""
    told = asdict(difference)
    return told if difference.kind in SHOWN else told | {name: kind_of(told[name]) for name in ("v1", "v2")}


def _read_writes(lines: Iterable[str], snapshot: Snapshot) -> Iterator[tuple[int, Write]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield number, _read_write(json.loads(line), snapshot)
            except (ValueError, TypeError, RecursionError) as error:
                raise Refused("bad-line", f"Line {number}: {error}") from error


def _read_write(told: Any, snapshot: Snapshot) -> Write:
    """Parse `{"method": …, "path": …, "body": …, "headers": …, "identity": …}`. Raises ValueError with a sentence."""
    if not isinstance(told, dict) or told.keys() - MEMBERS:
        raise ValueError(f"A write is an object with {', '.join(sorted(MEMBERS))}, and nothing else.")
    if told.get("method") not in METHODS:
        raise ValueError(f"{told.get('method')!r} is not the method of a write: use {', '.join(METHODS)}.")
    kind, _, user_id = str(told.get("identity") or "").partition(":")
    if kind and not (kind == "user" and user_id):
        raise ValueError(f"{told['identity']!r} is not a user: write user:42, or send headers with a credential.")
    headers = told.get("headers") or {}
    if not isinstance(headers, dict):
        raise ValueError(f"headers is {headers!r}: use an object of names and values.")
    meta = _meta(headers)
    path, _, query = _path_of_v1(told.get("path"), snapshot).partition("?")
    body, content_type = told.get("body"), meta.pop("HTTP_CONTENT_TYPE", JSON)
    read = Read(
        path=unquote_to_bytes(path).decode(errors="surrogateescape"),
        query=query,
        meta=meta,
        release=snapshot.release,
        names=snapshot.names,
        request_id="shadow-write",
        has_credentials="HTTP_AUTHORIZATION" in meta or "HTTP_X_API_KEY" in meta,
        user_id=user_id or None,
    )
    sent = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Write(read, told["method"], sent, content_type)


def _path_of_v1(path: Any, snapshot: Snapshot) -> str:
    conf, stable = canary_conf(), snapshot.names.of(STABLE)
    below = path.removeprefix(conf.entrance) if isinstance(path, str) and path.startswith(f"{conf.entrance}/") else ""
    version = conf.segment.match(below) if below.startswith("/v") else None
    if not below or (version and version[1] != stable):
        raise ValueError(f"{path!r} is not a path of version {stable}: use {conf.entrance}/v{stable}/….")
    return str(path)


def _meta(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what a request to this site has, from this machine, with these headers."""
    host = next((host for host in settings.ALLOWED_HOSTS if not host.startswith(("*", "."))), "localhost")
    scheme = "https" if settings.SECURE_SSL_REDIRECT else "http"
    told = {f"HTTP_{name.upper().replace('-', '_')}": str(value) for name, value in headers.items()}
    base = {"REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": host, "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1"}
    return {**base, "wsgi.url_scheme": scheme, "HTTP_HOST": host, **told}
