"""The tests of hostile queries and heads that both versions share: each has a subclass of `QueryTests`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pytest
from django.test import Client

from tests.costs.asking import (
    Ask,
    all_operations,
    as_read,
    assert_parameters_are_cheap,
    assert_queries_are_cheap,
    assert_whole_heads_are_cheap,
    by_subject,
    parameters,
    unclassified_headers,
)
from tests.slow import slow


@dataclass(frozen=True)
class Surface:
    """The queries and headers that a version accepts."""

    document: Mapping[str, Any]
    asked: Mapping[str, list[str]]
    """Each parameter at one operation, or at more. Add new ones here; `make test-all` tries them everywhere."""
    headers: Iterable[str] = ()
    """Those that the document does not name."""

    @cached_property
    def subjects(self) -> dict[str, list[str]]:
        return by_subject(all_operations(self.document))

    @cached_property
    def parameters(self) -> dict[str, list[str]]:
        return parameters(self.document, "query")


def ask_by(client: Client, base: str, fill: Callable[[str], str]) -> Ask:
    """Return a function that asks below `base`. `fill` puts ids into a path of the document."""

    def ask(operation: str, query: str, headers: Mapping[str, str]) -> Any:
        method, _, path = operation.partition(" ")
        meta = {as_read(name): value for name, value in headers.items()}
        kind = meta.pop("HTTP_CONTENT_TYPE", "application/json")
        return client.generic(method.upper(), base + fill(path), b"", kind, QUERY_STRING=query, **meta)

    return ask


class QueryTests:
    """A module that has a subclass has a fixture `ask` too."""

    surface: ClassVar[Surface]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make the cases of the subclass from its surface."""
        cases = {"subject": self.surface.subjects, "asked": self.surface.asked, "parameter": self.surface.parameters}
        for name in cases.keys() & set(metafunc.fixturenames):
            metafunc.parametrize(name, [*cases[name]])

    def test_each_parameter_and_header_of_the_document_has_hostile_values(self) -> None:
        asked = {name: operation for operation, names in self.surface.asked.items() for name in names}
        known = self.surface.parameters
        assert asked.keys() == known.keys()
        assert [name for name, operation in asked.items() if operation not in known[name]] == []
        assert unclassified_headers(self.surface.document, self.surface.headers) == set()

    @pytest.mark.parametrize("step", [5, slow(1)])
    def test_no_query_costs_more_than_its_size(self, subject: str, step: int, ask: Ask) -> None:
        assert_queries_are_cheap(ask, self.surface.subjects[subject], first=len(subject), step=step)

    def test_no_value_of_a_parameter_costs_more_than_its_size(self, asked: str, ask: Ask) -> None:
        assert_parameters_are_cheap(ask, asked, self.surface.asked[asked], step=3)

    @pytest.mark.slow
    def test_no_value_of_a_parameter_costs_more_anywhere(self, parameter: str, ask: Ask) -> None:
        for operation in self.surface.parameters[parameter]:
            assert_parameters_are_cheap(ask, operation, [parameter])

    def test_no_head_costs_more_than_its_size(self, subject: str, ask: Ask) -> None:
        assert_whole_heads_are_cheap(ask, self.surface.subjects[subject])
