"""The floors under coverage, lines and branches together: prints each and fails below one.

Called with the file that `coverage json` wrote.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

FLOORS: Final = {"": 90.0, "canary/core/": 98.0}
"""Percent by beginning of the path."""


def main(path: Path) -> int:
    files: dict[str, dict[str, Any]] = json.loads(path.read_text())["files"]
    is_low = False
    for prefix, floor in FLOORS.items():
        found = percent(file["summary"] for name, file in files.items() if name.startswith(prefix))
        is_low |= found < floor
        print(f"{'LOW' if found < floor else 'ok':4} {prefix or 'all':14} {found:6.2f} % (floor {floor:g} %)")
    return int(is_low)


def percent(summaries: Iterable[Mapping[str, int]]) -> float:
    """Of nothing it is 0: a report without the files that it is about proves nothing."""
    covered = total = 0
    for summary in summaries:
        covered += summary["covered_lines"] + summary.get("covered_branches", 0)
        total += summary["num_statements"] + summary.get("num_branches", 0)
    return 100 * covered / total if total else 0.0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
