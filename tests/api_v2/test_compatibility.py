"""The check against breaking changes: each kind of break is planted in a copy of the document and found, additions pass."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api_v2.openapi import document
from scripts.openapi.compatibility import breaking_changes
from scripts.openapi.snapshot import main

type Json = dict[str, Any]
type Change = Callable[[Json], Any]


def schema(found: Any, name: str) -> Any:
    return found["components"]["schemas"][name]


def operation(found: Any, path: str, verb: str = "get") -> Any:
    return found["paths"][path][verb]


def parameter(found: Json, path: str, name: str) -> Any:
    return next(one for one in operation(found, path)["parameters"] if one.get("name") == name)


def drop_parameter(found: Json, path: str, name: str) -> None:
    parameters = operation(found, path)["parameters"]
    parameters.remove(parameter(found, path, name))


def member(found: Json, name: str, key: str) -> Any:
    return schema(found, name)["properties"][key]


PUBLISH = "/posts/{slug_or_id}/actions/publish"
BREAKS: list[tuple[Change, str]] = [
    (lambda d: d["paths"].pop("/tags"), "/tags is gone"),
    (lambda d: d["paths"]["/tags"].pop("post"), "POST /tags is gone"),
    (lambda d: operation(d, "/tags").update(operationId="tags"), "GET /tags: its operationId is tags, was list_tags"),
    (lambda d: drop_parameter(d, "/posts", "tag"), "GET /posts: parameter 'tag' is gone"),
    (lambda d: operation(d, "/posts")["parameters"].pop(), "GET /posts: parameter 'If-None-Match' is gone"),
    (lambda d: parameter(d, "/posts", "tag").update(required=True), "parameter 'tag' is required now"),
    (
        lambda d: operation(d, "/tags")["parameters"].append(
            {"name": "x", "in": "query", "required": True, "schema": {"type": "string"}}
        ),
        "GET /tags: parameter 'x' is new and required",
    ),
    (lambda d: parameter(d, "/posts", "limit")["schema"].update(maximum=50), "its maximum is 50, was 100"),
    (lambda d: parameter(d, "/posts", "limit")["schema"].update(minimum=2), "its minimum is 2, was 1"),
    (lambda d: parameter(d, "/posts", "limit")["schema"].update(default=10), "its default is 10, was 20"),
    (lambda d: parameter(d, "/posts", "tag")["schema"].update(type="integer"), "its type is integer, was string"),
    (lambda d: parameter(d, "/posts", "tag")["schema"].update(pattern="x"), "its pattern is x"),
    (lambda d: parameter(d, "/posts", "tag")["schema"].update(maxLength=9), "its maxLength is 9, was none"),
    (lambda d: schema(d, "PostSort")["enum"].remove("-title"), "value '-title' is gone"),
    (lambda d: schema(d, "PostStatus")["enum"].remove("scheduled"), "value 'scheduled' is gone"),
    (lambda d: schema(d, "ProblemType")["enum"].pop(), "(ProblemType): value"),
    (lambda d: member(d, "NewPost", "excerpt").update(type="string"), "its type is string, was null or string"),
    (lambda d: schema(d, "NewPost")["properties"].pop("meta"), "member 'meta' is gone"),
    (lambda d: schema(d, "NewPost")["required"].append("slug"), "member 'slug' is required now"),
    (lambda d: member(d, "NewPost", "title").update(maxLength=100), "its maxLength is 100, was 200"),
    (lambda d: member(d, "NewPost", "title").update(format="uri"), "its format is uri, was None"),
    (lambda d: member(d, "NewPost", "slug").update(enum=["a"]), "only a are taken now"),
    (lambda d: member(d, "NewPost", "tags").update(maxItems=3), "its maxItems is 3, was 50"),
    (lambda d: operation(d, PUBLISH, "post")["requestBody"].update(required=True), "a body is required now"),
    (lambda d: operation(d, "/tags", "post").pop("requestBody"), "POST /tags: its body is gone"),
    (
        lambda d: operation(d, "/tags/{slug_or_id}", "patch")["requestBody"]["content"].pop("application/json"),
        "bodies of application/json are not taken any more",
    ),
    (lambda d: schema(d, "Post")["properties"].pop("excerpt"), "member 'excerpt' is gone"),
    (lambda d: schema(d, "Post")["required"].remove("excerpt"), "member 'excerpt' may be missing now"),
    (lambda d: member(d, "Post", "title").update(type=["string", "null"]), "its type is null or string, was string"),
    (lambda d: member(d, "Tag", "post_count").update(type="string"), "its type is string, was integer"),
    (lambda d: member(d, "Tag", "id").pop("format"), "its format is None, was uuid"),
    (lambda d: member(d, "Post", "tags")["items"].update(type="integer"), "its type is integer, was string"),
    (lambda d: schema(d, "Page")["properties"].pop("has_more"), "member 'has_more' is gone"),
    (
        lambda d: member(d, "TagList", "data")["items"]["anyOf"].append({"type": "null"}),
        "what it may be is",
    ),
    (lambda d: operation(d, "/tags", "post")["responses"].pop("409"), "POST /tags: status 409 is gone"),
    (lambda d: operation(d, "/tags")["responses"].pop("304"), "GET /tags: status 304 is gone"),
    (
        lambda d: operation(d, "/tags")["responses"].update({"206": {"description": "A part"}}),
        "status 206 is new and no refusal",
    ),
    (lambda d: operation(d, "/tags")["responses"]["200"]["headers"].pop("ETag"), "GET /tags: 200: header ETag is gone"),
    (
        lambda d: d["components"]["responses"]["NotFound"]["content"].pop("application/problem+json"),
        "application/problem+json is gone",
    ),
    (lambda d: operation(d, "/tags")["security"].remove({}), "no credential is not enough any more"),
    (
        lambda d: operation(d, "/posts", "post")["security"].remove({"api_key": ["posts:write"]}),
        "POST /posts: api_key is not enough any more",
    ),
    (lambda d: d["components"]["securitySchemes"].pop("session"), "component securitySchemes/session is gone"),
]


@pytest.mark.parametrize(("change", "sentence"), BREAKS, ids=[str(number) for number in range(len(BREAKS))])
def test_what_breaks_a_client_is_found(change: Change, sentence: str) -> None:
    new = copy.deepcopy(document())
    change(new)
    assert any(sentence in found for found in breaking_changes(document(), new)), breaking_changes(document(), new)


def add_what_breaks_nobody(found: Json) -> None:
    tags = operation(found, "/tags")
    found["paths"]["/new"] = {"get": {**tags, "operationId": "new"}}
    found["paths"]["/tags"]["put"] = {**tags, "operationId": "put_tags"}
    tags["parameters"].append({"name": "x", "in": "query", "schema": {"type": "string"}})
    tags["responses"]["418"] = tags["responses"]["400"]
    tags["responses"]["200"]["headers"]["X-New"] = {"schema": {"type": "string"}}
    schema(found, "Post")["properties"]["new"] = {"type": "string"}
    schema(found, "Post")["required"].append("new")
    schema(found, "NewPost")["properties"]["new"] = {"type": "string"}
    schema(found, "NewPost")["required"].remove("content")
    schema(found, "PostStatus")["enum"].append("embargoed")
    parameter(found, "/posts", "limit")["schema"]["maximum"] = 200
    member(found, "NewPost", "title")["maxLength"] = 300
    member(found, "NewPost", "title")["type"] = ["string", "null"]
    operation(found, "/posts", "post")["requestBody"]["content"]["text/csv"] = {"schema": {}}
    found["components"]["schemas"]["New"] = {"type": "object"}


def test_a_schema_under_another_name_breaks_generated_clients() -> None:
    new = json.loads(json.dumps(document()).replace("schemas/Facet", "schemas/Count"))
    new["components"]["schemas"]["Count"] = new["components"]["schemas"].pop("Facet")
    new["components"]["schemas"]["Counts"] = new["components"]["schemas"].pop("Facets")
    assert "component schemas/Facet is gone" in breaking_changes(document(), new)


def test_additions_pass() -> None:
    new = copy.deepcopy(document())
    add_what_breaks_nobody(new)
    assert breaking_changes(document(), new) == []
    assert len(breaking_changes(new, document())) > 10


def test_the_document_is_compatible_with_itself() -> None:
    assert breaking_changes(document(), document()) == []


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    assert main(["--write", "--snapshot", str(path)]) == 0
    return path


def test_a_snapshot_that_is_as_the_code_passes(snapshot: Path) -> None:
    assert main(["--snapshot", str(snapshot)]) == 0


def test_a_break_fails_the_check_and_is_not_written_over(snapshot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The snapshot has what the code hasn't any more."""
    old = json.loads(snapshot.read_text())
    old["paths"]["/gone"] = old["paths"]["/tags"]
    snapshot.write_text(json.dumps(old))
    for arguments in ([], ["--write"]):
        assert main([*arguments, "--snapshot", str(snapshot)]) == 1
        assert "would break:\n  /gone is gone" in capsys.readouterr().err
    assert main(["--write", "--accept-breaking", "--snapshot", str(snapshot)]) == 0
    assert main(["--snapshot", str(snapshot)]) == 0


def test_an_addition_is_to_be_written_into_the_snapshot(snapshot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = json.loads(snapshot.read_text())
    del old["paths"]["/tags"]
    snapshot.write_text(json.dumps(old))
    assert main(["--snapshot", str(snapshot)]) == 1
    assert "run `make openapi`" in capsys.readouterr().err
    assert main(["--write", "--snapshot", str(snapshot)]) == 0
    assert main(["--snapshot", str(snapshot)]) == 0
