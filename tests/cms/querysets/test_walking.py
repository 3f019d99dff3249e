"""Reading many rows a stretch at a time: each once, in order, by statements of so many rows."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Count
from django.db.models.functions import Lower
from pytest_django import DjangoAssertNumQueries

from cms.models import Tag
from cms.querysets.walking import walk_by_key

NAMES = ["Ash", "birch", "Cedar", "elm", "Fir"]


@pytest.fixture
def tags(db: None) -> list[Tag]:
    return [Tag.objects.create(name=name, name_key=name.lower(), slug=name.lower()) for name in NAMES]


@pytest.mark.parametrize(("at_once", "statements"), [(2, 3), (5, 2), (6, 1)])
def test_each_row_comes_once_by_statements_of_so_many_rows(
    tags: list[Tag], django_assert_num_queries: DjangoAssertNumQueries, at_once: int, statements: int
) -> None:
    with django_assert_num_queries(statements):
        assert list(walk_by_key(Tag.objects.all(), at_once=at_once)) == tags


@pytest.mark.parametrize(
    ("read", "key"),
    [
        (Tag.objects.all, "-pk"),
        (lambda: Tag.objects.values_list("pk", "name"), "pk"),
        (lambda: Tag.objects.values_list("name_key", flat=True), "name_key"),
        (lambda: Tag.objects.annotate(folded=Lower("name")), "folded"),
        (lambda: Tag.objects.annotate(counted=Count("posts")).values_list("pk", "counted"), "-pk"),
    ],
    ids=["backwards", "values", "one value", "an expression", "groups"],
)
def test_it_walks_by_any_key_in_both_directions(tags: list[Tag], read: Callable[[], Any], key: str) -> None:
    assert list(walk_by_key(read(), key, at_once=2)) == list(read().order_by(key))


def test_a_row_that_is_deleted_during_the_walk_keeps_no_other_from_it(tags: list[Tag]) -> None:
    walk = walk_by_key(Tag.objects.all(), at_once=2)
    seen = [next(walk), next(walk)]
    Tag.objects.filter(pk__in=[tags[1].pk, tags[2].pk]).delete()
    assert seen + list(walk) == [tags[0], tags[1], tags[3], tags[4]]
