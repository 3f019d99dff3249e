"""`manage.py openapi`: compare v2's document with its snapshot in git, so that every change of the contract is seen."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from api_v2.openapi import document
from api_v2.openapi.compatibility import breaking_changes

SNAPSHOT = Path("docs") / "openapi-v2.json"


class Command(BaseCommand):
    help = "Compare API v2's OpenAPI document with its snapshot; fail if clients would break or it is out of date."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true", help="update the snapshot, unless clients would break")
        parser.add_argument(
            "--accept-breaking", action="store_true", help="with --write: update it even if clients would break"
        )
        parser.add_argument(
            "--snapshot", type=Path, default=settings.BASE_DIR / SNAPSHOT, help="use this file as the snapshot"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["snapshot"]
        text = json.dumps(document(), ensure_ascii=False, indent=1) + "\n"
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        if not options["accept_breaking"]:
            self._refuse_breaks(json.loads(before) if before else None, json.loads(text))
        if options["write"]:
            path.write_text(text, encoding="utf-8")
            self.stdout.write(f"{path.name} is {'unchanged' if before == text else 'written'}.")
        elif before != text:
            raise CommandError(f"{path.name} is out of date; the changes break no client: run `make openapi`.")

    @staticmethod
    def _refuse_breaks(old: dict[str, Any] | None, new: dict[str, Any]) -> None:
        if old and (found := breaking_changes(old, new)):
            listed = "\n".join(f"  {sentence}" for sentence in found)
            raise CommandError(f"Clients of API v2 would break:\n{listed}")
