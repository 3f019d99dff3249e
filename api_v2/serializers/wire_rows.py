"""Rows that PostgreSQL writes as JSON: a hundred of them cost the process a fifth of what their values would."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import connection
from django.db.models import F, Func, TextField

from api_v2.serializers.shapes import Shape


class WireRow(Func):
    """The very bytes that `shapes.write` and orjson make of a row."""

    output_field = TextField()

    def __init__(self, values: Mapping[str, Func | F]) -> None:
        super().__init__(*values.values())
        self.names = tuple(values)

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        written = [compiler.compile(expression) for expression in self.get_source_expressions()]
        named = connection.ops.quote_name
        columns = ", ".join(f"{sql} AS {named(name)}" for name, (sql, _) in zip(self.names, written, strict=True))
        sql = f"(SELECT row_to_json(wire)::text FROM (SELECT {columns}) wire)"  # noqa: S608 - our own names
        return sql, [value for _, params in written for value in params]


class WireInstant(Func):
    """As `format_instant` gives it."""

    output_field = TextField()
    template = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


def wire_row(shape: Shape, names: Collection[str]) -> WireRow | None:
    """Return the row as JSON of the database; None where it can't, or where a field is more than one of its columns."""
    fields = {name: shape[name] for name in names}
    if connection.vendor != "postgresql" or not all(field.is_stored for field in fields.values()):
        return None
    return WireRow({name: (WireInstant if field.is_instant else F)(*field.columns) for name, field in fields.items()})
