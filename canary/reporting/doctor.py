"""Ask each part of a site whether it works, as `manage.py canary doctor` does: one sentence a part, with what to do."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.contrib.auth.models import Permission
from django.core import checks
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from canary.conf import canary_conf
from canary.core.gates import FAULT, UNANSWERED
from canary.core.names import difference_of
from canary.core.permissions import SCOPES
from canary.core.routing import choose_pinned
from canary.core.values import Refusal
from canary.gates.asking import Asker
from canary.gates.questions import Question
from canary.models import Lease, Recorder, Rollout, Worker
from canary.reporting.readiness import controller_turns, versions_answer
from canary.reporting.visiting import Answer, NoAnswer, ask, ask_in_process
from canary.state import store

SEEN_S: Final = 30
"""A server process is heard of every 10 s."""
RECORDED_S: Final = 10.0
SKEW_MAX_S: Final = 0.5
NEVER_SPLIT: Final = ("API-Version", "X-Client-Id")
SERVE: Final = "its wsgi.py has to call `canary.server.serve()`, and it must not be served by ASGI"


class Finding(NamedTuple):
    part: str
    is_well: bool
    sentence: str


def examine(url: str | None, now: datetime) -> Iterator[Finding]:
    """Yield one finding a part: over HTTP at `url`, such as `https://shop.example`, else within this process."""
    yield Finding("settings", *_settings())
    tables = Finding("database", *_working(_database))
    yield tables
    if not tables.is_well:
        return  # each of the others would say the same
    yield Finding("journey", *_working(_journey))
    yield Finding("clock", *_working(_clock))
    yield Finding("permissions", *_working(_permissions))
    yield Finding("versions", *_versions(url, now))
    yield Finding("entrance", *_entrance(url))
    yield Finding("header", *_header(url, now))
    if url:
        yield Finding("servers", *_servers(now))
        yield Finding("recorder", *_recorder(url))
    yield Finding("controller", *controller_turns(now, {}))
    if canary_conf().gates:
        yield Finding("gates", *_gates(now))


def _working(part: Callable[[], tuple[bool, str]]) -> tuple[bool, str]:
    try:
        return part()
    except (DatabaseError, InterfaceError) as error:
        return False, f"The database refuses: {str(error).strip()}."


def _settings() -> tuple[bool, str]:
    own = [one for one in checks.run_checks() if str(one.id).startswith("canary.")]
    told = " ".join(f"{one.id}: {one.msg} {one.hint or ''}".strip() for one in own)
    return not own, told or "The system checks of the canary find nothing."


def _database() -> tuple[bool, str]:
    """Check that the tables are there and can be written to; nothing stays."""
    executor = MigrationExecutor(connection)
    targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "canary"]
    if missing := executor.migration_plan(targets):
        return False, f"{len(missing)} migrations are not applied: run `manage.py migrate`."
    with transaction.atomic():
        Lease.objects.create(name="doctor", holder="doctor", expires_at=canary_conf().now())
        transaction.set_rollback(True)
    return True, f"The tables are there, and {connection.vendor} takes writes."


def _journey() -> tuple[bool, str]:
    row, named = Rollout.objects.filter(pk=1).first(), canary_conf().names
    sentence = difference_of(row.names, named) if row else None
    return sentence is None, sentence or f"The rollout leads from v{named.stable} to v{named.candidate}."


def _clock() -> tuple[bool, str]:
    if connection.vendor != "postgresql":
        return True, "Only this machine has a clock here."
    connection.ensure_connection()
    with connection.cursor() as cursor:
        began = canary_conf().clock()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        skew_s = float(cursor.fetchone()[0]) - (began + canary_conf().clock()) / 2
    told = f"The database's clock is {abs(skew_s):.3f} s {'ahead' if skew_s > 0 else 'behind'}"
    return abs(skew_s) <= SKEW_MAX_S, f"{told}; at most {SKEW_MAX_S:g} s is allowed."


def _permissions() -> tuple[bool, str]:
    known = {*Permission.objects.filter(content_type__app_label="canary").values_list("codename", flat=True)}
    missing = sorted({name.partition(".")[2] for name in SCOPES} - known)
    if missing:
        return False, f"The permissions {', '.join(missing)} do not exist: run `manage.py migrate`."
    return True, f"{', '.join(sorted(SCOPES))} can be given to users and groups."


def _versions(url: str | None, now: datetime) -> tuple[bool, str]:
    are_well, told = versions_answer(now, {"url": url})
    hint = ' Set CANARY["PROBE"] to a path that both answer, such as "/products".'
    return are_well, told if are_well or canary_conf().probe != "/" else f"{told}{hint}"


def _entrance(url: str | None) -> tuple[bool, str]:
    """Check that the entrance is split, and that nothing between takes its headers away."""
    try:
        answer = _ask(url, canary_conf().entrance + canary_conf().probe)
    except NoAnswer as error:
        return False, f"Nobody answers there: {error}."
    version = answer.headers.get("api-version")
    if version not in store.current_snapshot().names:
        return False, "No version answers the entrance: the middleware does not run, or a proxy drops API-Version."
    vary, cache = answer.headers.get("vary", ""), answer.headers.get("cache-control", "")
    lost = [name for name in NEVER_SPLIT if name.lower() not in vary.lower()]
    if lost or "private" not in cache:
        lacking = [f"Vary: {name}" for name in lost] + ([] if "private" in cache else ["Cache-Control: private"])
        return False, f"v{version} answers, but a cache may mix both versions up: {', '.join(lacking)} is missing."
    return True, f"v{version} answers with {answer.status}, and no cache mixes both versions up."


def _header(url: str | None, now: datetime) -> tuple[bool, str]:
    """Check that a client gets the version that it asks for by header."""
    told, are_well, snapshot = [], True, store.refresh()
    for version in sorted(canary_conf().arms):
        if isinstance(choose_pinned(snapshot.names.version_of(version), snapshot, now.timestamp()), Refusal):
            continue
        try:
            answer = _ask(url, canary_conf().entrance + canary_conf().probe, API_Version=version)
            got = answer.headers.get("api-version", "none")
        except NoAnswer as error:
            got = f"no answer ({error})"
        are_well &= got == version
        told.append(f"{version} is answered by {got}")
    return are_well, f"By the header API-Version {', '.join(told)}."


def _servers(now: datetime) -> tuple[bool, str]:
    version = store.refresh().version
    seen = [*Worker.objects.filter(seen_at__gte=now - timedelta(seconds=SEEN_S)).values_list("version", flat=True)]
    if not seen:
        return False, f"No process of the site has read the rollout in the last {SEEN_S} s: {SERVE}."
    late = sum(1 for one in seen if one != version)
    return not late, f"Processes that read the rollout: {len(seen)}, of these at its version: {len(seen) - late}."


def _recorder(url: str) -> tuple[bool, str]:
    """Check that an answer is written down: each flush of a process leaves the time of its last batch."""
    began, deadline = canary_conf().now(), time.monotonic() + RECORDED_S
    try:
        ask(url, canary_conf().entrance + canary_conf().probe)
    except NoAnswer as error:
        return False, f"Nobody answers there: {error}."
    while time.monotonic() < deadline:
        if Recorder.objects.filter(at__gte=began).exists():
            return True, "Answers are written down."
        time.sleep(0.2)
    return False, f"No answer was written down within {RECORDED_S:.0f} s: {SERVE}."


def _gates(now: datetime) -> tuple[bool, str]:
    """Ask each gate once about the present stage. Any answer is well, also one that holds: it can be asked."""
    row, snapshot = store.read()
    question = Question.of(snapshot.release, snapshot.stage, row.stage_started_at if row else now, now, snapshot.names)
    asker = Asker()
    asker.turn(question)
    asker.wait()
    answers = asker.turn(question)
    are_well = not any(answer.verdict in (FAULT, UNANSWERED) for answer in answers)
    told = "; ".join(answer.told for answer in answers)
    return are_well, f"{told[0].upper()}{told[1:]}."


def _ask(url: str | None, path: str, **headers: str) -> Answer:
    return ask(url, path, **headers) if url else ask_in_process(path, **headers)
