"""Content to damage, and a way past the constraints that keep the services from damaging it."""

import datetime
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from cms.integrity.running import Outcome, run_checks, select_checks
from cms.models import Category, Comment, Post, Tag
from cms.policy import SYSTEM
from cms.services.categories import create_category
from cms.services.comments import create_comment
from cms.services.posts import update_post

Content = dict[str, Any]
Run = Callable[..., dict[str, Outcome]]


def db_value(value: Any) -> Any:
    return value.hex if isinstance(value, uuid.UUID) and connection.vendor == "sqlite" else value


@pytest.fixture
def damage(db: None) -> Any:
    """`damage("UPDATE … %s", value, past=["constraint", …])`: a statement that a constraint would refuse."""

    def run(statement: str, *values: Any, past: tuple[str, ...] = ()) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits would forbid the next line
                for name in past:
                    table = name.split(".")[0]
                    cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name.split(".")[1]}"')
            else:
                cursor.execute("PRAGMA ignore_check_constraints=ON")
            cursor.execute(statement, [db_value(value) for value in values])
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA ignore_check_constraints=OFF")

    return run


@pytest.fixture
def foreign_key() -> Callable[[str, str], tuple[str, ...]]:
    """The `table.constraint` of a column's foreign key, whose name Django made; nothing on SQLite, which checks at the end."""

    def find(table: str, column: str) -> tuple[str, ...]:
        if connection.vendor == "sqlite":
            return ()
        with connection.cursor() as cursor:
            constraints = connection.introspection.get_constraints(cursor, table)
        return tuple(f"{table}.{n}" for n, c in constraints.items() if c["foreign_key"] and c["columns"] == [column])

    return find


@pytest.fixture
def content(make_post: Callable[..., Post], now: datetime.datetime) -> Content:
    """Two public posts with terms, and under the first a thread of three comments."""
    parent = create_category(actor=SYSTEM, fields={"name": "Parent"}, now=now)
    child = create_category(actor=SYSTEM, fields={"name": "Child", "parent": parent}, now=now)
    one = make_post(title="One", tags=["red", "blue"], categories=[child])
    two = make_post(title="Two", tags=["red"], categories=[parent])
    update_post(actor=SYSTEM, post=one, changes={"title": "One again"}, now=now)
    update_post(actor=SYSTEM, post=one, changes={"title": "One at last"}, now=now)
    comments: list[Comment] = []
    for text in ("first", "second", "third"):
        fields: Any = {"text": text, "author": one.author, "parent": comments[-1] if comments else None}
        comments.append(create_comment(actor=SYSTEM, post=one, fields=fields, now=now))
    elsewhere = create_comment(actor=SYSTEM, post=two, fields={"text": "there", "author": two.author}, now=now)
    return {
        "one": Post.objects.get(pk=one.pk),
        "two": Post.objects.get(pk=two.pk),
        "red": Tag.objects.get(name="red"),
        "blue": Tag.objects.get(name="blue"),
        "parent": Category.objects.get(pk=parent.pk),
        "child": Category.objects.get(pk=child.pk),
        "comments": comments,
        "elsewhere": elsewhere,
    }


@pytest.fixture
def check(db: None) -> Run:
    """`check(is_repairing=True)`: the outcomes with a finding, by the check's name.

    All checks, deep ones too, unless some are named.
    """

    def run(*names: str, is_repairing: bool = False, later_s: int = 1, **options: Any) -> dict[str, Outcome]:
        now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=later_s)
        chosen = [check for check in select_checks(is_deep=True) if not names or check.id in names]
        outcomes = run_checks(chosen, now=now, is_repairing=is_repairing, **options)
        return {outcome.check.id: outcome for outcome in outcomes if outcome.found}

    return run
