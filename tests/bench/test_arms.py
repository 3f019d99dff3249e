"""The servers of the bench answer at the addresses at which it asks them."""

from typing import Any

import pytest
from django.test import Client

from canary.conf import canary_conf
from tests.bench.arms import take_place
from tests.bench.requests_of import login_call


@pytest.mark.parametrize(("name", "refusal"), [("v1", 401), ("v2", 401), ("drf", 400)])
def test_each_server_answers_its_login_after_another_one(name: str, refusal: int, settings: Any, db: None) -> None:
    settings.CANARY = {**settings.CANARY}  # brought back after the test
    assert canary_conf().arms[1] == "api_v1.root_urls"
    if name == "drf":
        take_place(name)
    login = login_call(name)
    assert Client().post(login.path, login.body, content_type="application/json").status_code == refusal
