"""`deploy/compose/upgrade` when a step fails: somebody always serves, and there is always a way back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.tools import ROOT

SERVICES = ("web-1", "web-2", "controller", "worker")


class Staging:
    """Runs image A; the checkout builds another one."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "state.json"
        program = folder / "docker"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/deploy/fake_docker.py "$@"\n')
        program.chmod(0o755)
        self._path = f"{folder}:{os.environ['PATH']}"
        running = {name: {"image": "A", "is_healthy": True} for name in SERVICES}
        empty: dict[str, list[Any]] = {"left_out": [], "outages": [], "broken": []}
        self._write({"tags": {"tandem:staging": "A"}, "services": running, "checkout": "A", **empty})

    def upgrade(self, image: str = "", *broken: tuple[str, str]) -> tuple[int, str]:
        """To the image, or without one back to the image before. `broken`: services that fail on an image."""
        state = self.state()
        state["checkout"], state["broken"] = image, [list(pair) for pair in broken]
        self._write(state)
        words = [] if image else ["--previous"]
        env = {"PATH": self._path, "FAKE_DOCKER": str(self._file), "DRAIN_S": "0"}
        command = ["sh", str(ROOT / "deploy/compose/upgrade"), *words]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert self.state()["outages"] == [], "a web process was renewed while it served, or without another one"
        return done.returncode, done.stderr

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._file.read_text())
        return state

    def images(self) -> list[str]:
        return [self.state()["services"][name]["image"] for name in SERVICES]

    def _write(self, state: dict[str, Any]) -> None:
        self._file.write_text(json.dumps(state))


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path)


def test_an_upgrade_renews_everything_and_keeps_the_image_before(staging: Staging) -> None:
    assert staging.upgrade("B") == (0, "")
    assert staging.images() == ["B"] * 4
    assert (staging.state()["tags"], staging.state()["left_out"]) == (
        {"tandem:staging": "B", "tandem:previous": "A"},
        [],
    )
    assert staging.upgrade() == (0, "")
    assert staging.images() == ["A"] * 4


def test_an_upgrade_without_a_change_keeps_the_way_back(staging: Staging) -> None:
    assert staging.upgrade("B")[0] == staging.upgrade("B")[0] == 0
    assert staging.state()["tags"]["tandem:previous"] == "A"


@pytest.mark.parametrize("broken", ["web-1", "web-2", "worker"])
def test_a_process_that_does_not_become_healthy_is_left_out_until_the_way_back(staging: Staging, broken: str) -> None:
    code, said = staging.upgrade("B", (broken, "B"))
    assert code == 1
    assert "did not become healthy" in said
    assert "upgrade --previous" in said
    assert staging.state()["left_out"] == ([broken] if broken.startswith("web") else [])
    assert staging.upgrade() == (0, "")
    assert (staging.images(), staging.state()["left_out"]) == (["A"] * 4, [])


@pytest.mark.parametrize("broken", SERVICES)
def test_a_second_upgrade_after_a_failed_one_still_leads_back_to_what_ran(staging: Staging, broken: str) -> None:
    assert staging.upgrade("B", (broken, "B"))[0] == 1
    assert staging.upgrade("C", (broken, "C"))[0] == 1
    assert staging.state()["tags"]["tandem:previous"] == "A"


def test_a_mended_upgrade_goes_through_after_a_failed_one(staging: Staging) -> None:
    assert staging.upgrade("B", ("web-2", "B"))[0] == 1
    assert staging.upgrade("C") == (0, "")
    assert (staging.images(), staging.state()["tags"]["tandem:previous"]) == (["C"] * 4, "A")


def test_a_migration_that_fails_changes_no_process(staging: Staging) -> None:
    code, said = staging.upgrade("B", ("migrate", "B"))
    assert (code, staging.images()) == (1, ["A"] * 4)
    assert "The migration failed." in said
    assert staging.upgrade() == (0, "")


def test_there_is_no_way_back_before_the_first_upgrade(staging: Staging) -> None:
    code, said = staging.upgrade()
    assert (code, staging.images()) == (1, ["A"] * 4)
    assert "There is no tandem:previous" in said
