"""How PostgreSQL reads for each endpoint: EXPLAIN of the very statements, at the moment when they are executed.

A prepared statement is explained by its generic plan: connections of the pool make every run take that one (docs/adr/0017).

Runs inside a process of the app. What is no fault: reading a small table as a whole.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import psycopg
from django.db import connection

SMALL_ROWS: Final = 5_000
"""Of a table; reading so few as a whole is the right plan."""
_EXPLAINED: Final = ("SELECT", "WITH", "(SELECT", "INSERT", "UPDATE", "DELETE")

type Plan = dict[str, Any]


class Explainer:
    """To be handed to `connection.execute_wrapper`: the plans of all that is executed, with the statements."""

    def __init__(self, before: tuple[str, ...] = ()) -> None:
        self.plans: list[tuple[str, Plan]] = []
        self._before = before

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not many and sql.lstrip().upper().startswith(_EXPLAINED):
            self.plans.append((sql, self._plan(sql, params, is_kept=_binds_on_the_server(context["cursor"]))))
        return execute(sql, params, many, context)

    def _plan(self, sql: str, params: Any, *, is_kept: bool) -> Plan:
        """With the values in its text, or the generic one, for any values, of a statement that the server keeps."""
        with connection.connection.cursor() as cursor:
            for setting in self._before:
                cursor.execute(setting)
            if is_kept:
                places = tuple(f"${number}" for number in range(1, len(params) + 1))
                cursor.execute(f"PREPARE explained AS {sql % places}")
                sql = f"EXECUTE explained ({', '.join('%s' for _ in params)})" if params else "EXECUTE explained"
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            [[explained]] = cursor.fetchall()
            if is_kept:
                cursor.execute("DEALLOCATE explained")
        found: Plan = explained[0]["Plan"]
        return found


def _binds_on_the_server(opened: Any) -> bool:
    return not isinstance(opened.cursor, psycopg.ClientCursor)


def nodes_of(plan: Plan) -> Iterator[Plan]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes_of(below)


def read_as_a_whole(plan: Plan, rows_of: Mapping[str, int], small: int = SMALL_ROWS) -> list[str]:
    """The tables above `small` rows that a plan reads from the first row to the last."""
    scanned = [node["Relation Name"] for node in nodes_of(plan) if node["Node Type"] == "Seq Scan"]
    return sorted({table for table in scanned if rows_of.get(table, 0) > small})


def rows_of_tables() -> dict[str, int]:
    """As the planner believes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, reltuples FROM pg_class WHERE relkind = 'r'")
        return {name: int(rows) for name, rows in cursor.fetchall()}


def faults_of(
    asked: Mapping[str, Callable[[], object]], small: int = SMALL_ROWS, before: tuple[str, ...] = ()
) -> list[str]:
    """A sentence for each table that an endpoint reads as a whole. Each is asked once before, so that nothing is new."""
    rows_of, faults = rows_of_tables(), []
    for name, ask in asked.items():
        ask()
        explainer = Explainer(before)
        with connection.execute_wrapper(explainer):
            ask()
        for sql, plan in explainer.plans:
            faults += [f"{name} reads all of {table}: {sql}" for table in read_as_a_whole(plan, rows_of, small)]
    return faults


def print_faults(asked_as_json: str) -> None:
    """For `manage.py shell`: {endpoint: [token, [method, path, body], [method, path, body]]}, of which each is sent once."""
    asked = json.loads(asked_as_json)
    print(json.dumps(faults_of({name: _asking(token, requests) for name, (token, *requests) in asked.items()})))


def _asking(token: str, requests: list[Any]) -> Callable[[], object]:
    from django.test import Client  # noqa: PLC0415 - only where an app is

    headers = {"host": "localhost"} | ({"authorization": f"Bearer {token}"} if token else {})
    client, left = Client(headers=headers), iter(requests)

    def ask() -> object:
        method, path, body = next(left)
        given = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        answer = client.generic(method, path, **given)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.content)
        return answer

    return ask
