"""Check the texts of the project and the subjects of its commits; fail on a fault that is not recorded."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.language.history import HistoryMissing, subjects_since_the_rules
from scripts.language.rules import Fault, faults_of_file, faults_of_subjects

ROOT: Final = Path(__file__).resolve().parent.parent.parent
KNOWN: Final = "scripts/language/known.txt"
DOCUMENTS: Final = ("*.md", "docs/**/*.md", "tests/**/*.md", "api_v2/*.md")
PACKAGES: Final = ("cms", "api_v1", "api_v2", "canary")


def check(root: Path, *, shows_all: bool = False) -> int:
    """Print what is to be fixed. Return 1 for any of it, and where the history is required and missing."""
    known, faults = recorded(root), list(faults_of_texts(root))
    gone = known - {fault.digest for fault in faults}
    to_fix = [fault for fault in faults if shows_all or fault.digest not in known]
    print(f"Texts: {len(to_fix)} to fix, {len(known - gone)} recorded.")
    if gone:
        print(f"{len(gone)} recorded but gone: `python -m scripts.language --forget` takes them out of {KNOWN}.")
    is_blind = False
    try:
        to_fix += faults_of_history(root)
    except HistoryMissing as error:
        print(f"Subjects of commits: not looked at, for {error}.")
        is_blind = os.environ.get("REQUIRE_HISTORY") == "1"
    for fault in to_fix:
        print(fault)
    return int(bool(to_fix) or is_blind)


def forget(root: Path) -> int:
    """Take out of the record what is gone; nothing ever adds to it."""
    known = recorded(root)
    left = known & {fault.digest for fault in faults_of_texts(root)}
    (root / KNOWN).write_text("".join(f"{digest}\n" for digest in sorted(left)))
    print(f"{KNOWN}: {len(known - left)} forgotten, {len(left)} left.")
    return 0


def recorded(root: Path) -> set[str]:
    return set((root / KNOWN).read_text().split())


def faults_of_history(root: Path) -> list[Fault]:
    """Raises HistoryMissing."""
    subjects = subjects_since_the_rules(root)
    faults = list(faults_of_subjects(subjects))
    print(f"Subjects of commits: {len(faults)} to fix among {len(subjects)}.")
    return faults


def faults_of_texts(root: Path) -> Iterator[Fault]:
    documents = {path for pattern in DOCUMENTS for path in root.glob(pattern)}
    modules = {path for name in PACKAGES for path in (root / name).rglob("*.py") if "migrations" not in path.parts}
    for path in sorted(documents | modules):
        yield from faults_of_file(path.relative_to(root).as_posix(), path.read_text())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="list the recorded faults too")
    parser.add_argument("--forget", action="store_true", help="take recorded faults that are gone out of the record")
    options = parser.parse_args()
    sys.exit(forget(ROOT) if options.forget else check(ROOT, shows_all=options.all))
