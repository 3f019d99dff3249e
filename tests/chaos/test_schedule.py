"""The plan of a chaos: the same for the same seed, with each kind of fault in it, and never two at the same part."""

import subprocess
import sys
from itertools import pairwise

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.schedule import KILL, KILL_EVERY_S, KILLED, KINDS, NAMES, QUIET_END_S, Planned, plan
from tests.servers import ROOT

SHORT_S, FULL_S = 40, 600


def test_a_seed_gives_the_same_plan_in_another_process_and_another_one_another() -> None:
    code = f"from tests.chaos.schedule import plan; print(*plan(7, {FULL_S}), sep='|')"
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told == "|".join(map(str, plan(7, FULL_S))) + "\n"
    assert plan(8, FULL_S) != plan(7, FULL_S)


def test_each_name_has_a_fault_to_play() -> None:
    assert {*NAMES} == {*FAULTS}


@pytest.mark.parametrize("seed", range(20))
def test_a_full_run_has_each_fault_on_each_target(seed: int) -> None:
    played = {(one.fault, one.target) for one in plan(seed, FULL_S)}
    assert {(KILL, target) for target in KILLED} <= played
    assert {(kind.name, target) for kind in KINDS for target in kind.targets} <= played


@pytest.mark.parametrize("seed", range(20))
def test_all_faults_end_before_the_run_does(seed: int) -> None:
    for duration_s in (SHORT_S, FULL_S):
        assert all(one.at_s + one.lasts_s <= duration_s - QUIET_END_S + 0.1 for one in plan(seed, duration_s))


@pytest.mark.parametrize("seed", range(20))
def test_kills_never_pause(seed: int) -> None:
    at_s = [0.0, *(one.at_s for one in plan(seed, FULL_S) if one.fault == KILL), float(FULL_S)]
    assert max(later - earlier for earlier, later in pairwise(at_s)) <= KILL_EVERY_S[1] + QUIET_END_S + 0.1


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_killed_that_another_fault_shields(seed: int) -> None:
    planned = plan(seed, FULL_S)
    shields = {kind.name: kind.shields for kind in KINDS}

    def overlaps(kill: Planned, other: Planned) -> bool:
        return other.at_s <= kill.at_s <= other.at_s + other.lasts_s and kill.target in shields[other.fault]

    kills = [one for one in planned if one.fault == KILL]
    others = [one for one in planned if one.fault != KILL]
    assert not [(kill, other) for kill in kills for other in others if overlaps(kill, other)]


def test_a_process_may_be_killed_while_its_disk_is_full_and_not_while_it_moves() -> None:
    parts = {fault: Planned(1, "stores", fault, "postgres", 4).part for fault in (KILL, "failover", "disk-database")}
    assert parts[KILL] == parts["failover"] != parts["disk-database"]


def test_only_the_named_faults_are_planned() -> None:
    assert {one.fault for one in plan(1, FULL_S, ["redis-empty", KILL])} == {"redis-empty", KILL}
