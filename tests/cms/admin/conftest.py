"""Clients signed in at the admin site, and a form filled in as a browser would."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import User


@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def send_form() -> Callable[..., Any]:
    """`send_form(client, address, title="…")`: opens the form, changes these fields, sends all of it."""

    def send(client: Client, address: str, *, button: str = "_continue", **changes: Any) -> Any:
        return client.post(address, {button: "1", **filled_in(client.get(address), **changes)})

    return send


def filled_in(page: Any, **changes: Any) -> dict[str, Any]:
    """Return all that the form of a page sends once these fields were changed, its hidden inputs too."""
    form = page.context["adminform"].form
    if form.is_bound:  # it was shown once more, with what was sent
        return {**dict(form.data.lists()), **changes}
    data: dict[str, Any] = {}
    for bound in form:
        data |= _inputs(bound, bound.name, changes.get(bound.name, bound.value()))
        if bound.field.show_hidden_initial:
            data |= _inputs(bound, bound.html_initial_name, bound.value())
    return data


def _inputs(bound: Any, name: str, value: Any) -> dict[str, Any]:
    if hasattr(bound.field.widget, "widgets"):
        return {f"{name}_{i}": part or "" for i, part in enumerate(bound.field.widget.decompress(value))}
    value = bound.field.prepare_value(value)
    return {} if value in (None, False) else {name: value}


@pytest.fixture
def run_action() -> Callable[..., list[str]]:
    """Ticks rows of a list, runs an action on them, confirms it and gives the messages it left."""

    def run(client: Client, address: str, action: str, rows: list[Any], **more: str) -> list[str]:
        data = {"action": action, "_selected_action": [str(row.pk) for row in rows], **more}
        data = {"confirmed": str(len(rows)), **data}
        response = client.post(address, data, follow=True)
        assert response.status_code == 200
        return [str(message) for message in response.context["messages"]]

    return run
