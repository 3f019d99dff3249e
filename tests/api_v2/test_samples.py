"""The samples of each operation: a shell and Python can read them, and they ask for what the document says."""

import ast
import shlex
from typing import Any
from urllib.parse import urlsplit

from api_v2.openapi import document
from api_v2.openapi.pages import groups_of, quick_start_of
from api_v2.openapi.samples import SITE, Sample, samples_of

OPERATIONS = {one["id"]: one for group in groups_of(document()) for one in group["operations"]}


def sample_of(name: str, language: str) -> str:
    return next(str(one["text"]) for one in OPERATIONS[name]["samples"] if one["key"] == language)


def test_a_shell_reads_each_sample_as_the_request_that_is_documented() -> None:
    for name, operation in OPERATIONS.items():
        words = shlex.split(sample_of(name, "curl").replace("\\\n", ""))
        verb = words[words.index("-X") + 1] if "-X" in words else "POST" if {"-d", "-F"} & set(words) else "GET"
        path = urlsplit(words[1]).path.removeprefix("/api/v2")
        assert words[0] == "curl"
        assert words[1].startswith(f"{SITE}/api/v2/"), name
        assert verb == operation["verb"], name
        assert len(path.split("/")) == len(operation["path"].split("/")), name
        assert "{" not in path, name


def test_python_reads_each_sample() -> None:
    for name, operation in OPERATIONS.items():
        calls = [node for node in ast.walk(ast.parse(sample_of(name, "python"))) if isinstance(node, ast.Call)]
        assert f"requests.{operation['verb'].lower()}" in [ast.unparse(call.func) for call in calls], name


def test_a_token_stands_in_a_sample_only_where_it_is_needed() -> None:
    assert "$TOKEN" in sample_of("create_post", "curl")
    assert "$TOKEN" not in sample_of("list_posts", "curl")
    assert "Authorization" not in sample_of("create_token", "javascript")


def test_quotes_of_an_example_end_no_word_of_the_shell() -> None:
    body: dict[str, Any] = {"title": "It's $HOME `now`"}
    sample = Sample("POST", "/posts", {}, True, "application/json", body, "json")
    words = shlex.split(samples_of(sample)[0]["text"].replace("\\\n", ""))
    assert words[words.index("-d") + 1] == '{"title": "It\'s $HOME `now`"}'


def test_the_quick_start_signs_in_reads_and_writes() -> None:
    assert list(quick_start_of(groups_of(document()))) == ["create_token", "list_posts", "create_post"]
