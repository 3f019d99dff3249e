"""A backup's description of itself: engine, versions, migrations, and the rows of every table in its snapshot."""

import json
from dataclasses import asdict, dataclass, field

from cms.backup.refusals import BackupRefused

FORMAT = 1


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
        """Raises BackupRefused for what another version has written."""
        try:
            values = json.loads(text)
            if values["format"] != FORMAT:
                raise BackupRefused(f"This backup has format {values['format']}; only format {FORMAT} is supported.")
            return cls(values["engine"], values["created_at"], Dump(**values["dump"]), values["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise BackupRefused("The backup's manifest can't be read.") from error


def refuse_differences(expected: dict[str, int], found: dict[str, int], what: str) -> None:
    """Raise BackupRefused when a table of `expected` is missing or has other rows in `found`."""
    for table, rows in expected.items():
        if found.get(table) != rows:
            there = f"{found[table]:,} of them" if table in found else "no such table"
            raise BackupRefused(f"{what} is incomplete: {table} should have {rows:,} rows, but there is {there}.")
