"""One request of each operation as its reader would write it: in curl, in JavaScript and in Python."""

import json
import pprint
import shlex
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

SITE: Final = "https://cms.example.org"
"""Stands for the site's address. Only the browser knows that, so the page's script puts it in."""
BASE: Final = "/api/v2"
UPLOAD: Final = "multipart/form-data"
BYTES: Final = "bytes"
_FILE: Final = "quay.jpg"
_WIDTH: Final = 72


@dataclass(frozen=True)
class Sample:
    """A request: `body` is None where nothing is sent; `answer` is `json`, `text`, `bytes` or empty."""

    verb: str
    path: str
    query: dict[str, str]
    has_token: bool
    media_type: str
    body: Any
    answer: str

    @property
    def url(self) -> str:
        query = "&".join(f"{name}={quote(value, safe=',/')}" for name, value in self.query.items())
        return f"{SITE}{BASE}{self.path}{'?' if query else ''}{query}"

    @property
    def headers(self) -> dict[str, str]:
        token = {"Authorization": "Bearer TOKEN"} if self.has_token else {}
        return {**token, "Content-Type": self.media_type} if self.is_json else token

    @property
    def is_json(self) -> bool:
        return self.body is not None and self.media_type != UPLOAD

    @property
    def fields(self) -> dict[str, str]:
        """Return the parts of an upload other than its file."""
        return {name: value for name, value in self.body.items() if name != "file"}


def samples_of(sample: Sample) -> list[dict[str, str]]:
    return [
        {"key": "curl", "language": "curl", "text": _curl(sample)},
        {"key": "javascript", "language": "JavaScript (fetch)", "text": _javascript(sample)},
        {"key": "python", "language": "Python (requests)", "text": _python(sample)},
    ]


def _curl(sample: Sample) -> str:
    method = "POST" if sample.body is not None else "GET"
    parts = [] if sample.verb == method else [f"-X {sample.verb}"]
    parts += ['-H "Authorization: Bearer $TOKEN"'] if sample.has_token else []
    parts += [f"-H 'Content-Type: {sample.media_type}'"] if sample.is_json else []
    if sample.is_json:
        parts.append(f"-d {shlex.quote(json.dumps(sample.body, ensure_ascii=False))}")
    elif sample.body is not None:
        parts += [f"-F file=@{_FILE}"]
        parts += [f"-F {shlex.quote(f'{name}={value}')}" for name, value in sample.fields.items()]
    parts += [f"-o {sample.path.rpartition('/')[2]}"] if sample.answer == BYTES else []
    return " \\\n  ".join([f"curl {shlex.quote(sample.url)}", *parts])


def _javascript(sample: Sample) -> str:
    options, before = _javascript_options(sample)
    read = {"json": "await response.json()", "text": "await response.text()", BYTES: "await response.blob()"}
    shown = ", ".join(filter(None, ["response.status", read.get(sample.answer)]))
    url = json.dumps(sample.url)
    call = f"{url}, {{\n{options}}}" if options else url
    return f"{before}const response = await fetch({call});\nconsole.log({shown});"


def _javascript_options(sample: Sample) -> tuple[str, str]:
    """Return the lines of fetch's options, and those that come before the call."""
    lines = [] if sample.verb == "GET" else [f"method: {json.dumps(sample.verb)}"]
    if sample.headers:
        lines.append(f"headers: {_indented(json.dumps(sample.headers, indent=2))}")
    before = ""
    if sample.is_json:
        lines.append(f"body: JSON.stringify({_indented(json.dumps(sample.body, indent=2, ensure_ascii=False))})")
    elif sample.body is not None:
        lines.append("body: form")
        fields = [f"form.append({json.dumps(name)}, {json.dumps(value)});" for name, value in sample.fields.items()]
        file = 'form.append("file", document.querySelector("input[type=file]").files[0]);'
        before = "\n".join(["const form = new FormData();", file, *fields, ""])
    return "".join(f"  {line},\n" for line in lines), before


def _python(sample: Sample) -> str:
    arguments = [json.dumps(sample.url)]
    headers = {name: value for name, value in sample.headers.items() if value != "application/json"}
    arguments += [f"headers={headers!r}".replace("'", '"')] if headers else []
    if sample.is_json:
        literal = pprint.pformat(sample.body, width=_WIDTH, sort_dicts=False)
        arguments.append(f"json={_indented(literal, ' ' * len('    json='))}")
    elif sample.body is not None:
        arguments += [f'files={{"file": open("{_FILE}", "rb")}}', f"data={sample.fields!r}"]
    read = {"json": "data = response.json()", "text": "text = response.text", BYTES: "content = response.content"}
    call = f"requests.{sample.verb.lower()}(\n{''.join(f'    {argument},{chr(10)}' for argument in arguments)})"
    if len(arguments) == 1:
        call = f"requests.{sample.verb.lower()}({arguments[0]})"
    lines = ["import requests", "", f"response = {call}", "response.raise_for_status()", read.get(sample.answer, "")]
    return "\n".join(lines).rstrip()


def _indented(text: str, margin: str = "  ") -> str:
    return text.replace("\n", f"\n{margin}")
