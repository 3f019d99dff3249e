"""The examples of the OpenAPI document, sent as they stand there: each one does what its operation is for."""

import datetime
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from api_v2.openapi import document
from cms.mail_tokens import Purpose, make_mail_token
from cms.models import Category, Comment, Delivery, Post, User
from cms.policy import SYSTEM
from cms.services.post_states import trash_post
from cms.services.posts import update_post
from cms.services.sessions import open_session
from tests.api_v2.documented import body_validator
from tests.api_v2.sending import send
from tests.api_v2.test_openapi import SOME_ID, operations

PASSWORD: Final = "three quiet harbours"
ABOUT_MIA: Final = ("create_token", "change_password", "refresh_token", "reset_password", "request_password_reset")
"""Operations whose examples speak of an account that another example makes."""


def bodies() -> list[tuple[str, str]]:
    return [(verb, path) for verb, path, operation in operations() if "example" in first_content(operation)]


def first_content(operation: dict[str, Any]) -> dict[str, Any]:
    contents = operation.get("requestBody", {}).get("content", {})
    return next(iter(contents.values()), {})  # type: ignore[no-any-return]


@pytest.fixture
def admin(make_user: Callable[..., User], client_of: Callable[[User], Client]) -> Client:
    return client_of(make_user("admin", username="head", password=PASSWORD))


@pytest.fixture
def make_place(
    admin: Client,
    now: datetime.datetime,
    make_post: Callable[..., Post],
    make_comment: Callable[..., Comment],
    make_category: Callable[..., Category],
    make_user: Callable[..., User],
) -> Callable[[str], str]:
    """`make_place("/tags/{slug_or_id}")`: the path of something made for it, in a state that its operations are for."""

    def posted(path: str, body: Any) -> str:
        return str(send(admin, "post", path, body).json()["id"])

    def post(path: str) -> Post:
        found = make_post(title="Harbour", is_published=path.endswith(("unpublish", "restore", "comments")))
        if "/revisions" in path:
            found = update_post(actor=SYSTEM, post=found, changes={"content": "Other."}, now=now)
            send(admin, "post", f"/posts/{found.pk}/revisions/1/actions/restore")  # its draft is number 3
        elif path.endswith("restore"):
            found = trash_post(actor=SYSTEM, post=found, now=now)
        return found

    def media(path: str) -> str:
        file = SimpleUploadedFile("quay.pdf", b"%PDF-1.7\n%%EOF\n")
        return str(admin.post("/api/v2/media", {"file": file}).json()["id"])

    def hook(path: str) -> str:
        return posted("/webhooks", {"url": "https://hooks.example.org/x", "events": ["*"]})

    def delivery(path: str) -> str:
        hook(path)
        make_post()
        Delivery.objects.update(status="dead")
        return str(Delivery.objects.all()[0].pk)

    makers: dict[str, Callable[[str], Any]] = {
        "posts": lambda path: post(path).pk,
        "comments": lambda path: make_comment(make_post(), status="pending").pk,
        "tags": lambda path: posted("/tags", {"name": "Quays"}),
        "categories": lambda path: make_category("Home").pk,
        "media": media,
        "users": lambda path: make_user(username="somebody").pk,
        "api-keys": lambda path: posted("/api-keys", {"name": "k", "scopes": ["posts:read"]}),
        "webhooks": hook,
        "deliveries": delivery,
    }

    def make(path: str) -> str:
        path = path.replace("{number}", "3" if path.endswith("apply") else "1")
        if "{" not in path:
            return path
        return re.sub(r"{\w+}", str(makers[path.split("/")[1]](path)), path, count=1)

    return make


@pytest.fixture(autouse=True)
def _media_root(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.mark.parametrize(("verb", "path"), bodies())
def test_each_example_of_a_body_fits_its_schema_and_is_taken(
    verb: str,
    path: str,
    admin: Client,
    make_place: Callable[[str], str],
    make_user: Callable[..., User],
    client_of: Callable[[User], Client],
    now: datetime.datetime,
) -> None:
    operation = document()["paths"][path][verb]
    (media_type, content), *_ = operation["requestBody"]["content"].items()
    example = content["example"]
    body_validator(content["schema"]["$ref"].rpartition("/")[2]).validate(example)
    client = admin
    if operation["operationId"] in ABOUT_MIA:
        mia = make_user("author", username="mia", password=PASSWORD)
        client = client_of(mia)
        tokens = {  # what nobody can write down beforehand
            "refresh_token": open_session(user=mia, now=now).refresh_token,
            "token": make_mail_token(Purpose.PASSWORD_RESET, mia, now),
        }
        example = {name: tokens.get(name, value) for name, value in example.items()}
    answer = client.generic(verb.upper(), f"/api/v2{make_place(path)}", json.dumps(example), content_type=media_type)
    assert answer.status_code in (200, 201, 202, 204), answer.content


def queries() -> list[tuple[str, str, Any]]:
    return [
        (path, parameter["name"], parameter["example"])
        for verb, path, operation in operations()
        for parameter in operation.get("parameters", [])
        if "example" in parameter and verb == "get"
    ]


@pytest.mark.usefixtures("make_place")
def test_each_example_of_a_parameter_is_taken(admin: Client) -> None:
    assert len(queries()) > 80
    for path, name, example in queries():
        needed = {"q": "x"} if path.startswith("/search") else {}
        answer = admin.get(f"/api/v2{re.sub(r'{\w+}', SOME_ID, path)}", {**needed, name: example})
        assert answer.status_code in (200, 301, 404), (path, name, answer.content)
