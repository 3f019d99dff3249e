"""GET /posts/{uuid}."""

from typing import Any

import pytest
from django.test import Client

from tests.api_v1.conftest import items_of


def test_a_post_reads_the_same_alone_and_in_the_list(anonymous: Client, make_post: Any, make_category: Any) -> None:
    post = make_post(tags=["a"], categories=[make_category("News")])
    response = anonymous.get(f"/api/v1/posts/{post.pk}")
    assert response.status_code == 200
    body = response.json()
    assert (body["success"], body["message"], body["error"]) == (True, None, None)
    assert [body["data"]] == items_of(anonymous.get("/api/v1/posts"))


@pytest.mark.parametrize("form", ["{}", "{.hex}"])
def test_both_forms_of_a_uuid_lead_to_the_post(form: str, anonymous: Client, make_post: Any) -> None:
    post = make_post()
    for uuid in (form.format(post.pk), form.format(post.pk).upper()):
        assert anonymous.get(f"/api/v1/posts/{uuid}").json()["data"]["id"] == str(post.pk)


def test_a_page_is_found_by_its_id(anonymous: Client, make_post: Any) -> None:
    assert anonymous.get(f"/api/v1/posts/{make_post(kind='page').pk}").status_code == 200


def test_a_slug_is_no_address_in_v1(anonymous: Client, make_post: Any) -> None:
    make_post(slug="a-slug")
    assert anonymous.get("/api/v1/posts/a-slug").status_code == 400
