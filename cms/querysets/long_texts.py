"""The texts of lists of posts: those that may be long are asked for once it is known how long all are together."""

from collections.abc import Collection, Iterable, MutableMapping, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Case, F, Func, IntegerField, TextField, When
from django.db.models.expressions import BaseExpression, Combinable
from django.db.models.lookups import LessThanOrEqual

from cms.costs.turns import DEAR, Bounded

if TYPE_CHECKING:
    from cms.querysets.posts import PostQuerySet

SHORT_BYTES: Final = 64 * 1024
"""Texts of one post that come with the list itself, by the one statement that most lists are."""
MANY_BYTES: Final = 8 * 1024 * 1024
LONG_LISTS: Final = Bounded("long lists are read", at_once=1, patience_s=2.0, places=DEAR)
"""Those of more than MANY_BYTES. An answer takes several times as much memory until it is sent."""
_BYTES: Final = "text_bytes"

type Row = MutableMapping[str, Any]


class OctetLength(Func):
    """Bytes of a text. PostgreSQL knows them without reading it."""

    function = "octet_length"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # It has that function too, but not before 3.43.
        return super().as_sql(compiler, connection, template="length(CAST(%(expressions)s AS BLOB))", **context)


def text_columns(names: Collection[str]) -> dict[str, BaseExpression]:
    """Return what a list reads in the place of these texts of posts; nothing without any."""
    if not names:
        return {}
    lengths: list[Combinable] = [OctetLength(F(name)) for name in names]
    length: Any = reduce(add, lengths)
    is_short = LessThanOrEqual(length, SHORT_BYTES)
    texts = {_short(name): Case(When(is_short, then=F(name)), output_field=TextField()) for name in names}
    return {_BYTES: length, **texts}


def read_texts[R: Row](rows: Iterable[R], names: Sequence[str], visible: "PostQuerySet") -> list[R]:
    """Give `rows`, which were read with `text_columns`, their texts. Raises Busy.

    Their reader sees `visible`: a row that was hidden since it was read is left out.
    """
    rows = list(rows)
    if not names:
        return rows
    long = [row["id"] for row in rows if row[_BYTES] > SHORT_BYTES]
    if long and sum(row[_BYTES] for row in rows) > MANY_BYTES:
        LONG_LISTS.hold()
    found = {pk: texts for pk, *texts in visible.filter(pk__in=long).values_list("pk", *names)} if long else {}
    for row in rows:
        texts = [row.pop(_short(name)) for name in names]
        if row.pop(_BYTES) > SHORT_BYTES:
            texts = found.get(row["id"], texts)
        row.update(zip(names, texts, strict=True))
    return [row for row in rows if row[names[0]] is not None]


def _short(name: str) -> str:
    return f"short_{name}"
