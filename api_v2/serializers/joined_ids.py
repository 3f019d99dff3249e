"""The ids of a many-to-many relation within the row of its post: one expression in SQL of both engines."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, Model, QuerySet, Subquery, TextField
from django.db.models.sql.compiler import SQLCompiler


class JoinedIds(Func):
    """The ids at the other end, joined by commas in any order; NULL when there are none.

    Written out, for what the ORM makes of the same takes longer to be put together than the database takes to answer.
    """

    output_field = TextField()

    @classmethod
    def through(cls, model: type[Model], column: str, *, among: QuerySet[Any] | None = None) -> "JoinedIds":
        """Join ids through a relation: `model` is its table, `column` its id column; `among` leaves out other rows."""
        sources = [F("pk")] if among is None else [F("pk"), Subquery(among.order_by().values("pk"))]
        return cls(*sources, table=model._meta.db_table, column=column)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:  # type: ignore[override]
        quote = connection.ops.quote_name
        table, joined_id = quote(self.extra["table"]), f"joined.{quote(self.extra['column'])}"
        (post, parameters), *among = [compiler.compile(source) for source in self.get_source_expressions()]
        only = "".join(f" AND {joined_id} IN {sql}" for sql, _ in among)
        ids = (
            f"string_agg({joined_id}::text, ',')" if connection.vendor == "postgresql" else f"group_concat({joined_id})"
        )
        sql = f"(SELECT {ids} FROM {table} joined WHERE joined.post_id = {post}{only})"  # noqa: S608 - our own names
        return sql, (*parameters, *(parameter for _, more in among for parameter in more))
