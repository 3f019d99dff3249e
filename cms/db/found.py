"""Lists on SQLite: which rows a page has is found out by their ids, and then these rows are read.

SQLite sorts what it will give. A row that is among the first so far is read and kept whole, with its texts, until one
comes that stands before it: in the worst order that is each row of a table. PostgreSQL computes and reads texts last.
"""

from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.sql.datastructures import BaseTable


class _Found(BaseTable):
    """A table of which only the rows with these ids are read, in the ids' order.

    The ids are in a subquery that has a limit, so SQLite keeps its order. A CROSS JOIN is never turned round.
    """

    def __init__(self, table_name: Any, alias: Any, ids: QuerySet[Any, Any]) -> None:
        super().__init__(table_name, alias)
        self.ids = ids

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        table, params = super().as_sql(compiler, connection)
        ids, more = self.ids.query.get_compiler(connection=connection).as_sql()
        key = f"{compiler.quote_name(self.table_alias)}.{compiler.quote_name(self.ids.model._meta.pk.column)}"
        return f"({ids}) AS found CROSS JOIN {table} ON {key} = found.pk", (*more, *params)

    def relabeled_clone(self, change_map: Any) -> "_Found":
        return _Found(self.table_name, change_map.get(self.table_alias, self.table_alias), self.ids)


def sorts_whole_rows() -> bool:
    """Return whether the database reads all columns of a row before it sorts, and the ids are to be found first."""
    return connection.vendor == "sqlite"


def in_order_of(ids: QuerySet[Any, Any]) -> QuerySet[Any]:
    """Return the rows of a query that gives only `pk`, sorted and limited, in its order."""
    rows: QuerySet[Any] = ids.model._default_manager.order_by()
    base = rows.query.get_initial_alias()
    rows.query.alias_map[base] = _Found(rows.query.alias_map[base].table_name, base, ids)
    return rows


def found_first(page: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows of a limited query, found by their ids first where that spares reading others."""
    query = page.query
    is_plain = not (query.annotation_select or query.select_related)
    return in_order_of(page.values("pk")) if sorts_whole_rows() and query.order_by and is_plain else page
