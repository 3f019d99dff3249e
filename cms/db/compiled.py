"""Compiled queries: the ORM's counterpart of prepared statements.

To build a query of Django's takes 1 to 8 ms of the processor, to run it 0.3 ms. So a query is declared once, as a
function of its shape and its parameters:

    @compiled(now=DateTimeField(), viewer=UUIDField(), slug=SlugField())
    def post_by_slug(shape: PostShape, given: Given) -> QuerySet[Post, Row]:
        posts = Post.objects.visible_to(shape.reader.with_id(given.viewer), given.now)
        return posts.filter(slug=given.slug).values(*shape.columns)

    rows = post_by_slug.rows(PostShape(...), now=now, viewer=user.pk, slug="tea")

- The **shape** is a hashable value with all that decides about the text: the reader's role, which filters there are,
  columns, order, direction. Each shape is compiled when it is first asked for, and its text is kept.
- **Parameters** vary between requests. While a shape is compiled, `given.slug` is a `Param`: an expression that stands
  on the right side of a lookup, and compiles to a placeholder. When the text runs, each place gets its value by name.

The function gets nothing but its shape and the parameters, so no text can hold a value of the request that it was
compiled in. With an object of real values for `given`, the same function makes an ordinary queryset.

`field__any_of=given.ids` compares with a list of any length as one parameter (`ListOf`).
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import orjson
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Field, ForeignObject, IntegerField, Lookup, Model, QuerySet
from django.db.models.expressions import Expression, F, Func

from cms.db.prepared import fetch_all, fetch_all_unplanned, with_constants
from cms.db.texts import Within

KEPT_MAX: Final = 512

type Row = Mapping[str, Any]
type Given = Any
"""An object with the parameters as its attributes."""
type Build[S: Hashable] = Callable[[S, Given], QuerySet[Any, Row]]


class Slot(NamedTuple):
    """The place of a parameter among those of a compiled text."""

    name: str
    adapt: Callable[[Any], Any]


class Param(Expression):
    """A parameter of a compiled query. `form` turns its value into the one that is compared."""

    def __init__(self, name: str, output_field: "Field[Any, Any]", form: Callable[[Any], Any] | None = None) -> None:
        super().__init__(output_field=output_field)
        self.name, self.form = name, form

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        def adapt(value: Any) -> Any:
            formed = self.form(value) if self.form else value
            return self.output_field.get_db_prep_value(formed, connection, prepared=False)

        return "%s", [Slot(self.name, adapt)]


class ListOf(Field):  # type: ignore[type-arg]
    """Lists of values of another field: an array for PostgreSQL, JSON for SQLite."""

    def __init__(self, of: "Field[Any, Any]") -> None:
        super().__init__()
        self.of = of

    def get_db_prep_value(self, value: Sequence[Any], connection: Any, prepared: bool = False) -> Any:
        adapted = [self.of.get_db_prep_value(item, connection, prepared=prepared) for item in value]
        return adapted if connection.vendor == "postgresql" else orjson.dumps(adapted).decode()


@ForeignObject.register_lookup
@Field.register_lookup
class AnyOf(Lookup):
    """As `in`, for a list that is one parameter."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, left_params = self.process_lhs(compiler, connection)
        if isinstance(self.rhs, Param):
            right, right_params = compiler.compile(self.rhs)
        else:
            right, right_params = "%s", [ListOf(self.lhs.output_field).get_db_prep_value(self.rhs, connection)]
        is_any = "{} = ANY({})" if connection.vendor == "postgresql" else "{} IN (SELECT value FROM json_each({}))"
        return is_any.format(left, right), (*left_params, *right_params)


class PlaceIn(Func):
    """The place of a field's value in a list that is one parameter, to sort by."""

    output_field = IntegerField()
    function = "array_position"

    def __init__(self, field: str, values: "Param") -> None:
        super().__init__(values, F(field))

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, Any]:
        (values, params), (field, more) = map(compiler.compile, self.get_source_expressions())
        return f"(SELECT key FROM json_each({values}) WHERE value = {field})", (*params, *more)  # noqa: S608


@dataclass(frozen=True, eq=False)
class CompiledQuery[S: Hashable]:
    """A query whose text is kept for each shape."""

    build: Build[S]
    params: Mapping[str, "Field[Any, Any]"]

    def rows(self, shape: S, *, is_planned: bool = True, **values: Any) -> list[Row]:
        """Return the rows. `is_planned` lets PostgreSQL keep the plan too, the same for all values.

        Plans are kept outside of transactions only: within one, a plan that is refused can't be made again.
        """
        return self._text(shape, is_planned=is_planned).rows(values)

    def tuples(self, shape: S, *, is_planned: bool = True, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a `values_list()` query."""
        return [tuple(row) for row in self._text(shape, is_planned=is_planned).run(values)]

    def _text(self, shape: S, *, is_planned: bool) -> "_Text":
        return _text_of(self, connection.vendor, is_planned and not connection.in_atomic_block, shape)


def compiled[S: Hashable](**params: "Field[Any, Any]") -> Callable[[Build[S]], CompiledQuery[S]]:
    """Declare a query: `params` are the fields whose values its parameters have."""
    return lambda build: CompiledQuery(build, params)


def rows_of(query: QuerySet[Any, Row]) -> list[Row]:
    """Return the rows of a query whose text isn't worth keeping; of long texts as many as its `TextBytes` allows."""
    return _Text(query, is_planned=False).rows({})


def objects_of[M: Model](model: type[M], rows: Iterable[Row], columns: Iterable[str] = ()) -> list[M]:
    """Return objects of rows that have these columns, in the order of the model, and may have more; all by default."""
    names = list(columns) or columns_of(model)
    return [model.from_db(connection.alias, names, [row[name] for name in names]) for row in rows]


def columns_of(model: type[Model], fields: Collection[str] = ()) -> list[str]:
    """Return the columns of all fields, or of the primary key and these, in the order of the model."""
    own = model._meta.concrete_fields
    return [field.attname for field in own if not fields or field.primary_key or field.name in fields]


class _Text:
    def __init__(self, rows: QuerySet[Any, Row], *, is_planned: bool) -> None:
        self.names = rows.query.selected or ()
        within = Within.of(rows)
        self._fetch_all = fetch_all if is_planned else fetch_all_unplanned
        if within and connection.vendor == "sqlite":
            self._fetch_all = within.fetch
        self._sql: str = ""
        self._params: tuple[Any, ...] = ()
        compiler = rows.query.get_compiler(connection=connection)
        with suppress(EmptyResultSet):  # for any values
            sql, params = compiler.as_sql(with_col_aliases=within is not None)
            if within:
                sql = within.wrapped(sql, [alias for _, _, alias in compiler.select])
            self._sql, self._params = sql, tuple(params)
            if is_planned:
                self._sql, self._params = with_constants(sql, params, lambda param: not isinstance(param, Slot))
        self._converters = compiler.get_converters([column for column, *_ in compiler.select[: compiler.col_count]])
        self._apply_converters = compiler.apply_converters

    def rows(self, values: Mapping[str, Any]) -> list[Row]:
        return [dict(zip(self.names, row, strict=True)) for row in self.run(values)]

    def run(self, values: Mapping[str, Any]) -> Iterable[Sequence[Any]]:
        if not self._sql:
            return ()
        params = [place.adapt(values[place.name]) if isinstance(place, Slot) else place for place in self._params]
        found = self._fetch_all(self._sql, params)
        rows: Iterable[Sequence[Any]] = self._apply_converters(found, self._converters) if self._converters else found
        return rows


@lru_cache(maxsize=KEPT_MAX)
def _text_of(query: CompiledQuery[Any], vendor: str, is_planned: bool, shape: Any) -> _Text:
    given = SimpleNamespace(**{name: Param(name, of) for name, of in query.params.items()})
    return _Text(query.build(shape, given), is_planned=is_planned)


def forget() -> None:
    """Forget all texts; each is compiled again when it is asked for."""
    _text_of.cache_clear()
