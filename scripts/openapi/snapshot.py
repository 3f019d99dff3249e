"""Compare v2's document with its snapshot in git, so that every change of the contract is seen."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from api_v2.openapi import document
from scripts.openapi.compatibility import breaking_changes

SNAPSHOT = Path(__file__).resolve().parents[2] / "docs" / "openapi-v2.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1, and print why, if clients would break or the snapshot is out of date."""
    parser = ArgumentParser(prog="python -m scripts.openapi", description=__doc__)
    parser.add_argument("--write", action="store_true", help="update the snapshot, unless clients would break")
    parser.add_argument(
        "--accept-breaking", action="store_true", help="with --write: update it even if clients would break"
    )
    parser.add_argument("--snapshot", type=Path, default=SNAPSHOT, help="use this file as the snapshot")
    options = parser.parse_args(arguments)
    path: Path = options.snapshot
    text = json.dumps(document(), ensure_ascii=False, indent=1) + "\n"
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if before and not options.accept_breaking and (found := breaking_changes(json.loads(before), json.loads(text))):
        return _refuse("\n".join(["Clients of API v2 would break:", *(f"  {sentence}" for sentence in found)]))
    if options.write:
        path.write_text(text, encoding="utf-8")
        print(f"{path.name} is {'unchanged' if before == text else 'written'}.")
    elif before != text:
        return _refuse(f"{path.name} is out of date; the changes break no client: run `make openapi`.")
    return 0


def _refuse(why: str) -> int:
    print(why, file=sys.stderr)
    return 1
