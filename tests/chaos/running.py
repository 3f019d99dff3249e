"""A run: the plan is printed, played under load, and what has to hold afterwards is looked at."""

import json
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.chaos.asking import Judge
from tests.chaos.faults import play
from tests.chaos.invariants import CHECKS
from tests.chaos.load import Client, at_work
from tests.chaos.reading import Member, Reader
from tests.chaos.schedule import KILL, Planned, plan
from tests.chaos.world import World, running_world
from tests.chaos.writing import Newcomers, Operator, Uploader, Writer

READERS: Final = 4
AT_ONCE: Final = 16
SHOWN: Final = 30


@dataclass(frozen=True)
class Wish:
    """What somebody asks for by SEED, DURATION and FAULTS."""

    seed: int
    duration_s: float
    faults: Sequence[str]
    folder: Path

    @property
    def command(self) -> str:
        return f"make chaos SEED={self.seed} DURATION={self.duration_s:g} FAULTS='{' '.join(self.faults)}'"


def run(wish: Wish) -> int:
    """The exit code. Raises NoMounts, NoFaketime and StagingError before anything is tormented."""
    planned = plan(wish.seed, wish.duration_s, wish.faults)
    _say(f"{wish.command}\n" + "\n".join(f"  {one}" for one in planned))
    began_at = time.monotonic()
    with running_world(wish.folder, wish.faults) as world:
        _say(f"Staging is up after {time.monotonic() - began_at:.0f} s, at {world.stack.url}. The storm begins.")
        judge = Judge(world.ledger, world.weather)
        with at_work(_clients(world, judge, wish.seed)):
            _play_all(world, planned, wish.duration_s)
        _say("The storm is over.")
        found = _look_after_it(world)
        report = _report(world, judge, wish, found)
    (wish.folder / "report.json").write_text(json.dumps(report, indent=1))
    return _conclude(report, wish)


def _clients(world: World, judge: Judge, seed: int) -> list[Client]:
    def of(kind: type[Client], name: str, **more: Any) -> Client:
        rng = random.Random(f"{seed} {name}")
        return kind(name=name, port=world.stack.ports["nginx"], judge=judge, people=world.people, rng=rng, **more)

    doors = ("/api/v2", "/api/v2", "/api/v1", "/api")
    writers = [of(Writer, f"writer-{n}", door=door, author=n, pause_s=0.15) for n, door in enumerate(doors)]
    readers = [of(Reader, f"reader-{n}") for n in range(READERS)]
    others = [of(Uploader, "uploader", pause_s=0.5), of(Newcomers, "newcomers"), of(Operator, "operator")]
    return [*writers, *readers, of(Member, "member"), *others]


def _play_all(world: World, planned: Sequence[Planned], duration_s: float) -> None:
    """Each lane in a thread of its own; kills don't wait for each other, but two never hit the same target at once."""
    began_at = time.monotonic()
    by_lane: dict[str, list[Planned]] = {}
    for one in planned:
        by_lane.setdefault(f"{KILL} {one.part}" if one.fault == KILL else one.lane, []).append(one)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lanes = [pool.submit(_play_lane, world, lane, began_at) for lane in by_lane.values()]
        try:
            while any(not lane.done() for lane in lanes) or time.monotonic() < began_at + duration_s:
                time.sleep(0.2)
        except BaseException:
            world.interrupted.set()
            raise
    for lane in lanes:
        lane.result()


def _play_lane(world: World, lane: Sequence[Planned], began_at: float) -> None:
    for one in lane:
        world.hold(began_at + one.at_s - time.monotonic())
        if world.interrupted.is_set():
            return
        with world.alone_with(one.part):
            _say(f"{time.monotonic() - began_at:6.1f} s  {one.fault} {one.target}")
            play(world, one)


def _look_after_it(world: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            found[name] = [*check(world)]
        except Exception as error:
            found[name] = [f"{name} could not be looked at: {error!r}"]
        _say(f"  {'no ' if found[name] else 'yes'}  {name}")
    return found


def _report(world: World, judge: Judge, wish: Wish, found: dict[str, list[str]]) -> dict[str, Any]:
    statuses: dict[str, dict[str, int]] = {}
    for (kind, status), count in sorted(judge.counts.items()):
        statuses.setdefault(kind, {})[str(status)] = count
    ledger = world.ledger
    return {
        "seed": wish.seed,
        "duration_s": wish.duration_s,
        "answers": statuses,
        "slowest_s": round(judge.slowest_s, 1),
        "acknowledged": {
            "posts": len(ledger.by_id),
            "files": len(ledger.files),
            "users": len(ledger.users),
            "rollouts": len(ledger.rollouts),
        },
        "deliveries": len(world.receiver.requests),
        "restarts": dict(world.supervisor.restarts),
        "faults": [
            {"name": spell.name, "lasted_s": round(spell.ended_at - spell.began_at, 1)}
            for spell in world.weather.spells
        ],
        "wrong": ledger.wrong,
        "broken": found,
    }


def _conclude(report: dict[str, Any], wish: Wish) -> int:
    _say(f"Answers: {report['answers']}, the slowest after {report['slowest_s']} s.")
    _say(f"Acknowledged: {report['acknowledged']}. Webhooks received: {report['deliveries']}.")
    _say(f"{len(report['faults'])} faults were played; started again: {report['restarts']}.")
    sentences = [*report["wrong"], *(one for found in report["broken"].values() for one in found)]
    for sentence in sentences[:SHOWN]:
        _say(f"WRONG: {sentence}")
    if not sentences:
        _say("Nothing was lost, and nothing wrong was answered.")
        return 0
    _say(f"{len(sentences)} things are wrong. Logs are in {wish.folder / 'logs'}. Again: {wish.command}")
    return 1


_guard = threading.Lock()


def _say(text: str) -> None:
    with _guard:
        print(text, flush=True)
