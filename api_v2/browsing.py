"""JSON as a page for somebody who opens an address of the API in a browser: indented, with links to follow."""

import re
from html import escape
from typing import Final

import orjson
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

# Pages have one style sheet of this server's and nothing else.
PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_BYTES_MAX: Final = 1_000_000
"""Longer JSON stays JSON: its page would take ten times the time and memory."""
_ADDRESS: Final = re.compile(r'"((?:https?://[^"\\\s]+|/api(?:/[^"\\\s]*)?))"')


def page_of(request: HttpRequest, base: str, written: bytes) -> bytes:
    """Return the page that shows this JSON. `base` is the one that its reader came by."""
    # Read again, because rows that the database wrote can't be indented as they are.
    text = orjson.dumps(orjson.loads(written), option=orjson.OPT_INDENT_2).decode()
    context = {"path": request.get_full_path(), "base": base, "json": _with_links(text)}
    return render_to_string("api_v2/answer.html", context).encode()


def _with_links(text: str) -> SafeString:
    parts = _ADDRESS.split(text)
    linked = [_link(part) if index % 2 else escape(part) for index, part in enumerate(parts)]
    return SafeString("".join(linked))


def _link(address: str) -> str:
    return f'"<a href="{escape(address)}">{escape(address)}</a>"'
