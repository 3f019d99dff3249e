"""A backup's description of itself: engine, versions, migrations, and the rows of every table in its snapshot."""

import datetime
import json
from dataclasses import asdict, dataclass, field

from cms.backup.refusals import BackupRefused

FORMAT = 1
UNREADABLE = "The backup's manifest can't be read."


@dataclass(frozen=True)
class Dump:
    """An engine's description of a dump that it has just written."""

    server_version: str
    migrations: list[str]
    """`app.name` of each that was applied."""
    tables: dict[str, int]
    """Rows by table, counted in the snapshot that was dumped."""
    tool_major: int | None = None
    """The major version of pg_dump: its pg_restore reads the dump, an older one may not."""


@dataclass(frozen=True)
class Manifest:
    engine: str
    """sqlite or postgresql."""
    created_at: str
    dump: Dump
    format: int = field(default=FORMAT)

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Raises BackupRefused for what another version has written, and for what none writes."""
        try:
            values = json.loads(text)
            if values["format"] != FORMAT:
                raise BackupRefused(f"This backup has format {values['format']!r}; only format {FORMAT} is supported.")
            manifest = cls(values["engine"], values["created_at"], Dump(**values["dump"]), values["format"])
            is_sound = manifest._is_sound()
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BackupRefused(UNREADABLE) from error
        if not is_sound:
            raise BackupRefused(UNREADABLE)
        return manifest

    def _is_sound(self) -> bool:
        """Whether each value has its type, and no text anything that a terminal obeys.

        Raises TypeError or ValueError if one can't be looked at.
        """
        dump, made_at = self.dump, datetime.datetime.fromisoformat(self.created_at)
        if not isinstance(dump.tables, dict):
            return False
        texts = [self.engine, dump.server_version, *dump.migrations, *dump.tables]
        numbers = [*dump.tables.values()]
        if dump.tool_major is not None:
            numbers.append(dump.tool_major)
        are_typed = all(isinstance(one, str) and one.isprintable() for one in texts) and all(
            isinstance(one, int) for one in numbers
        )
        return are_typed and made_at.utcoffset() is not None


def refuse_differences(expected: dict[str, int], found: dict[str, int], what: str) -> None:
    """Raise BackupRefused when a table of `expected` is missing or has other rows in `found`."""
    for table, rows in expected.items():
        if found.get(table) != rows:
            there = f"{found[table]:,} of them" if table in found else "no such table"
            raise BackupRefused(f"{what} is incomplete: {table} should have {rows:,} rows, but there is {there}.")
