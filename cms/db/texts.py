"""Lists with long texts: how many bytes those of a page have, known before they are read, and where the page ends.

A query that has a `TextBytes` among its columns gives the texts of its first rows, up to so many bytes. The rows after
them have NULLs in place of the texts. PostgreSQL tells the length of a long text from its header: a text that
isn't given is never read. SQLite gives rows one by one, and such a text is dropped, or not read either.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

from django.db import connection
from django.db.models import F, Func, IntegerField, QuerySet

TEXT_BYTES: Final = "text_bytes"
"""The name of the column. NULL in a row whose texts are not given."""


class _Bytes(Func):
    function = "octet_length"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **how: Any) -> tuple[str, Any]:
        if connection.Database.sqlite_version_info < (3, 43):  # it has no octet_length, which reads no text
            how["template"] = "length(CAST(%(expressions)s AS BLOB))"
        return self.as_sql(compiler, connection, **how)


class TextBytes(Func):
    """The bytes of a row's `texts`, in a list that gives `most` of them, and those of its first row in any case.

    The texts that are among the columns are given or not; all count. With `ends_there` SQLite reads no further than the
    first row whose texts are not given.
    """

    output_field = IntegerField()
    arg_joiner = " + "
    template = "%(expressions)s"

    def __init__(self, *texts: str, most: int, ends_there: bool = False) -> None:
        self.texts, self.most, self.ends_there = texts, most, ends_there
        super().__init__(*(_Bytes(F(text)) for text in texts))


def whole_rows[R: Mapping[str, Any]](rows: Iterable[R]) -> list[R]:
    """Return the rows before the first whose texts are not given."""
    return list(takewhile(is_whole, rows))


def is_whole(row: Mapping[str, Any]) -> bool:
    return row.get(TEXT_BYTES, 0) is not None


class Within:
    """How a query with these columns is kept within its bytes."""

    def __init__(self, names: Sequence[str], size: TextBytes) -> None:
        self._most, self._ends_there = size.most, size.ends_there
        self._place = names.index(TEXT_BYTES)
        self._withheld = {place for place, name in enumerate(names) if name in (TEXT_BYTES, *size.texts)}

    @classmethod
    def of(cls, rows: QuerySet[Any, Any]) -> "Within | None":
        names, size = rows.query.selected or (), rows.query.annotations.get(TEXT_BYTES)
        has_texts = isinstance(size, TextBytes) and not {*size.texts}.isdisjoint(names)
        return cls([*names], size) if has_texts and TEXT_BYTES in names else None  # type: ignore[arg-type]

    def wrapped(self, sql: str, columns: Sequence[str]) -> str:
        """Return the text of the query that gives no more. `columns` are the names of those of `sql`."""
        if connection.vendor != "postgresql":
            return sql
        quoted = [connection.ops.quote_name(column) for column in columns]
        size = quoted[self._place]
        given = ", ".join(
            f"CASE WHEN bytes_until <= {self._most} OR bytes_until = {size} THEN {name} END"
            if place in self._withheld
            else name
            for place, name in enumerate(quoted)
        )
        until = f"sum({size}) OVER (ROWS UNBOUNDED PRECEDING) AS bytes_until"
        return f"SELECT {given} FROM (SELECT *, {until} FROM ({sql}) AS listed) AS summed"  # noqa: S608

    def fetch(self, sql: str, params: Sequence[Any]) -> list[Sequence[Any]]:
        """Return the rows from SQLite, where nothing is read before it is asked for."""
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(self._given(iter(cursor)))

    def _given(self, rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        until = 0
        for row in rows:
            until += row[self._place]
            if until <= self._most or until == row[self._place]:
                yield row
                continue
            yield tuple(None if place in self._withheld else value for place, value in enumerate(row))
            if self._ends_there:
                return
