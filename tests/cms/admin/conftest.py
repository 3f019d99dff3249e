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
        form = client.get(address).context["adminform"].form
        data = {button: "1"}
        for bound in form:
            value = changes.get(bound.name, form[bound.name].value())
            if hasattr(bound.field.widget, "widgets"):
                data |= {f"{bound.name}_{i}": part or "" for i, part in enumerate(bound.field.widget.decompress(value))}
            elif value not in (None, False):
                data[bound.name] = value
        return client.post(address, data)

    return send


@pytest.fixture
def run_action() -> Callable[..., list[str]]:
    """Ticks rows of a list, runs an action on them and gives the messages it left."""

    def run(client: Client, address: str, action: str, rows: list[Any], **more: str) -> list[str]:
        data = {"action": action, "_selected_action": [str(row.pk) for row in rows], **more}
        response = client.post(address, data, follow=True)
        assert response.status_code == 200
        return [str(message) for message in response.context["messages"]]

    return run
