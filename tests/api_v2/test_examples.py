"""The examples of the OpenAPI document: each one of a request is sent as it stands there and does what its operation is for,
and each one of an answer has the members, of the same types, that the real answer has.
"""

import datetime
import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.test import Client

from api_v2.openapi import document
from api_v2.openapi.response_examples.objects import MIA_ID, POST_ID
from cms.models import User
from cms.services.sessions import open_session
from cms.tokens.mail import Purpose, make_mail_token
from tests.api_v2.conftest import EXAMPLE_PASSWORD
from tests.api_v2.documented import JSON, answer_validator, body_validator, json_answers_of
from tests.api_v2.places import Places, a_picture
from tests.api_v2.sending import send
from tests.api_v2.test_openapi import operations

BASE: Final = "/api/v2"
ABOUT_MIA: Final = ("create_token", "change_password", "refresh_token", "reset_password", "request_password_reset")
"""Operations whose examples speak of an account that another example makes."""
NEEDED: Final = {
    "/search": {"q": "ferry"},
    "/search/suggest": {"q": "fer"},
    "/redirects": {"path": "/old/url"},
    "/audit": {"action": "post.published"},
}
ASKED: Final = {
    "PostWithIncluded": {"include": "author,tags,categories,featured_image,comment_count"},
    "PostListWithIncluded": {"include": "author,tags,categories,featured_image,comment_count"},
    "PartialPost": {"fields": "id,title,published_at"},
}
"""By the example of an answer, what it is the answer to beyond its path."""
OF_ANYBODY: Final = ("User", "PreviewedPost")
STATES: Final = ("kind", "status", "actions", "is_active", "is_draft", "is_current", "truncated", "limit")
"""Members that an example has with the very value: it is of an object in this state."""


def bodies() -> list[tuple[str, str]]:
    return [(verb, path) for verb, path, operation in operations() if "requestBody" in operation]


def answers() -> list[tuple[str, str, str, str]]:
    """Verb, path, status and the name of each example of a successful answer."""
    return [
        (verb, path, status, name)
        for verb, path, operation in operations()
        for status, content in json_answers_of(operation)
        for name in content.get("examples", {})
    ]


def example_of_answer(name: str) -> Any:
    return document()["components"]["examples"][name]["value"]


def assert_alike(real: Any, example: Any, place: str = "") -> None:
    """The same members at each depth, with values of the same types. Whether something may be null is a matter of the schema,
    against which both are held.
    """
    if real is None or example is None:
        return
    assert type(real) is type(example), f"{place} is {real!r}, in the example {example!r}"
    if isinstance(example, dict):
        assert real.keys() == example.keys(), f"{place}: {sorted(real.keys() ^ example.keys())}"
        for name, value in example.items():
            if name in STATES:
                assert real[name] == value, f"{place}.{name} is {real[name]!r}, in the example {value!r}"
            assert_alike(real[name], value, f"{place}.{name}")
    elif isinstance(example, list) and example:
        assert real or not isinstance(example[0], dict), f"{place} is empty"
        for number, item in enumerate(real):
            assert_alike(item, example[min(number, len(example) - 1)], f"{place}[{number}]")


@pytest.mark.parametrize(("verb", "path"), bodies())
def test_each_example_of_a_body_fits_its_schema_and_is_taken(
    verb: str,
    path: str,
    head: Client,
    places: Places,
    make_user: Callable[..., User],
    client_of: Callable[[User], Client],
    now: datetime.datetime,
) -> None:
    operation = document()["paths"][path][verb]
    (media_type, content), *_ = operation["requestBody"]["content"].items()
    example = content["example"]
    body_validator(content["schema"]["$ref"].rpartition("/")[2]).validate(example)
    client = head
    if operation["operationId"] in ABOUT_MIA:
        mia = make_user("author", username="mia", password=EXAMPLE_PASSWORD)
        client = client_of(mia)
        tokens = {  # what nobody can write down beforehand
            "refresh_token": open_session(user=mia, now=now).refresh_token,
            "token": make_mail_token(Purpose.PASSWORD_RESET, mia, now),
        }
        example = {name: tokens.get(name, value) for name, value in example.items()}
    place = f"{BASE}{places.of(verb, path)}"
    if media_type == "multipart/form-data":
        answer = client.post(place, {**example, "file": a_picture()})
    else:
        answer = client.generic(verb.upper(), place, json.dumps(example), content_type=media_type)
    assert answer.status_code in (200, 201, 202, 204), answer.content
    for _, content in json_answers_of(operation):
        for name in content["examples"]:
            assert_alike(answer.json(), example_of_answer(name))


@pytest.mark.parametrize(("path", "name"), [(path, name) for verb, path, _, name in answers() if verb == "get"])
def test_each_example_of_what_is_read_is_as_it_is_read(path: str, name: str, head: Client, places: Places) -> None:
    place = places.of("get", path)
    client = Client() if name in OF_ANYBODY else head
    answer = client.get(f"{BASE}{place}", {**NEEDED.get(path, {}), **ASKED.get(name, {})})
    assert answer.status_code == 200, answer.content
    real, example = answer.json(), example_of_answer(name)
    if name == "OpenApiDocument":
        real = {**real, "paths": {}, "components": {}}  # an example of a whole document would be another document
    assert_alike(real, example)


@pytest.mark.parametrize(("verb", "path", "status", "name"), answers())
def test_each_example_of_an_answer_fits_its_schema(verb: str, path: str, status: str, name: str) -> None:
    example = example_of_answer(name)
    answer_validator(verb, path, status).validate(example)
    if name in document()["components"]["schemas"]:
        body_validator(name).validate(example)


def test_every_operation_has_an_example_of_its_body_and_of_its_json() -> None:
    for verb, path, operation in operations():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert "example" in content, (verb, path)
        for status, content in json_answers_of(operation):
            assert content.get("examples"), (verb, path, status)
    assert len(answers()) > 60
    assert {name for _, _, _, name in answers()} == document()["components"]["examples"].keys()


@pytest.mark.parametrize(
    ("real", "example", "message"),
    [
        ({"id": 1}, {"id": "1"}, ".id is 1, in the example '1'"),
        ({"done": True}, {"done": 1}, ".done is True"),
        ({"links": {"self": "/"}}, {"links": {"self": "/", "more": "/"}}, r".links: \['more'\]"),
        ({"id": "1", "name": "x"}, {"id": "1"}, r"\['name'\]"),
        ({"data": [{"id": "1"}, {"id": 2}]}, {"data": [{"id": "1"}]}, r".data\[1\].id is 2"),
        ({"data": []}, {"data": [{"id": "1"}]}, ".data is empty"),
        ({"status": "draft"}, {"status": "published"}, ".status is 'draft'"),
    ],
)
def test_an_example_that_is_not_like_the_answer_is_noticed(real: Any, example: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_alike(real, example)


def queries() -> dict[str, dict[str, Any]]:
    """By path, the examples of what a GET takes in its query."""
    found = {
        path: {one["name"]: one["example"] for one in operation.get("parameters", []) if "example" in one}
        for verb, path, operation in operations()
        if verb == "get"
    }
    return {path: examples for path, examples in found.items() if examples}


def test_there_are_examples_of_many_parameters() -> None:
    assert sum(map(len, queries().values())) > 80


@pytest.mark.parametrize("path", queries())
def test_each_example_of_a_parameter_is_taken_and_finds_something(path: str, head: Client, places: Places) -> None:
    """Of the ids alone there is nothing: those that are given here are others."""
    place = f"{BASE}{places.of('get', path)}"
    for name, example in queries()[path].items():
        answer = head.get(place, {**NEEDED.get(path, {}), name: example})
        expected = 301 if path == "/redirects" else 200
        assert answer.status_code == expected, (path, name, answer.content)
        if answer.headers.get("Content-Type") == JSON and example not in (POST_ID, MIA_ID):
            assert answer.json().get("data") != [], f"{path}?{name}={example} finds nothing"


def header(name: str) -> dict[str, str]:
    parameter = document()["components"]["parameters"][name]
    return {parameter["name"]: parameter["example"]}


def test_the_examples_of_headers_are_taken(head: Client, places: Places) -> None:
    draft = places.of("patch", "/posts/{slug_or_id}")
    assert send(head, "get", draft, **header("IfNoneMatch")).status_code == 200
    answers = [send(head, "patch", draft, {"title": title}, **header("IfMatch")) for title in ("First", "Second")]
    assert [answer.status_code for answer in answers] == [200, 412]
    first, again = (send(head, "post", "/tags", {"name": "Quays"}, **header("IdempotencyKey")) for _ in range(2))
    assert (first.content, again.headers["Idempotency-Replayed"]) == (again.content, "true")
