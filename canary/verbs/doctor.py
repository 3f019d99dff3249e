"""The verb `doctor`: asks each part of the site whether it works, and changes nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

from canary.core.permissions import VIEW
from canary.reporting.doctor import examine
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_text
from canary.verbs.wording import plural


def _doctor(call: Call) -> dict[str, Any]:
    found = [finding._asdict() for finding in examine(call.values["url"], call.now)]
    ill = sum(1 for finding in found if not finding["is_well"])
    error = {"error": f"{plural(ill, 'part does', 'parts do')} not work."} if ill else {}
    return {"url": call.values["url"], "parts": found, **error}


def _say_found(result: Mapping[str, Any]) -> Iterator[str]:
    for one in result["parts"]:
        yield f"{'ok  ' if one['is_well'] else 'FAIL'}  {one['part']:<11} {one['sentence']}"
    if not result["url"]:
        yield "With --url http://127.0.0.1:8000 it also asks the servers that run there."


VERBS = (
    Verb(
        ("doctor",),
        "ask each part of the site whether it works, and change nothing",
        VIEW,
        _doctor,
        _say_found,
        (Option("url", "ask the site that runs there, such as https://shop.example", parse_text, metavar="URL"),),
        is_local=True,
    ),
)
