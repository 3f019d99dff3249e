"""The subjects of the commits since the rules."""

import datetime
import subprocess
from pathlib import Path
from typing import Final

RULES_SINCE: Final = datetime.datetime(2026, 11, 28, 2, tzinfo=datetime.UTC)


class HistoryMissing(Exception):
    """Its sentence says why nothing can be looked at."""


def subjects_since_the_rules(root: Path) -> list[tuple[str, str]]:
    """Return the id and subject of each commit since the rules, without merges. Raises HistoryMissing.

    In a shallow clone a merge looks like any other commit, and others are missing.
    """
    # The prefix is empty at the top of a repository: a tree that was unpacked inside another has no history of its own.
    state = _git(root, "rev-parse", "--is-shallow-repository", "--show-prefix").split("\n")
    if state[1]:
        raise HistoryMissing("this tree has no repository of its own")
    if state[0] == "true":
        raise HistoryMissing("this clone is shallow")
    log = _git(root, "log", "--no-merges", "--format=%at%x09%h%x09%s").splitlines()
    commits = [line.split("\t", 2) for line in log]
    return [(commit, subject) for at, commit, subject in commits if int(at) >= RULES_SINCE.timestamp()]


def _git(root: Path, *words: str) -> str:
    try:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise HistoryMissing("git finds no repository here") from error
