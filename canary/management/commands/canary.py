"""`manage.py canary`: the rollout from the command line."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from canary.core.bucketing import SALT_BYTES, bucket
from canary.core.routing import choose
from canary.core.values import Decision, Identity, Snapshot, parse_identity
from canary.store import current_snapshot


class Command(BaseCommand):
    help = "Look at the rollout of API v2."
    requires_system_checks = ()  # they open the database, which may be what is down

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
        explain = verbs.add_parser(
            "explain",
            help="which version answers an identity on the entrance, and why",
            description="Tells which version answers an identity on /api, its bucket (0..9999) and the reason.",
        )
        explain.add_argument("identity", metavar="IDENTITY", help="KIND:ID with KIND user, key, client or anon")
        explain.add_argument("--salt", help="try another salt (1..64 bytes) than the rollout's")
        explain.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
        explain.set_defaults(parser=explain)

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        getattr(self, f"_{verb}")(**options)

    def _explain(self, *, identity: str, salt: str | None, as_json: bool, parser: CommandParser, **_: Any) -> None:
        try:
            who = parse_identity(identity)
            snapshot = _with_salt(current_snapshot(), salt)
        except ValueError as error:
            parser.error(str(error))
        explained = _explained(who, snapshot)
        if as_json:
            self.stdout.write(json.dumps(explained))
            return
        self.stdout.write(
            "{identity} is answered by v{api_version}: reason {reason}, bucket {bucket} of 10000, weight {weight_bp}"
            " basis points ({percent:g} %).".format(**explained, percent=snapshot.weight_bp / 100)
        )


def _with_salt(snapshot: Snapshot, salt: str | None) -> Snapshot:
    if salt is None:
        return snapshot
    minimum, maximum = SALT_BYTES
    if not minimum <= len(salt.encode()) <= maximum:
        raise ValueError(f"A salt has {minimum} to {maximum} bytes in UTF-8.")
    return Snapshot(snapshot.weight_bp, salt, snapshot.is_v1_enabled, snapshot.is_v2_enabled)


def _explained(identity: Identity, snapshot: Snapshot) -> dict[str, Any]:
    decision = choose(identity, None, snapshot)
    assert isinstance(decision, Decision)  # only a header can be refused
    return {
        "identity": str(identity),
        "bucket": bucket(identity, snapshot.salt),
        "weight_bp": snapshot.weight_bp,
        "api_version": decision.api_version,
        "reason": decision.reason,
    }
