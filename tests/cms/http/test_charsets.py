"""The charset of requests: always UTF-8, whatever their senders name."""

import encodings
import io
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler

from cms.http.charsets import in_utf8
from tests.servers import ROOT, clean_environment


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("", ""),
        ("application/json", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("text/plain; charset=unicode_escape", "text/plain"),
        ("application/json; a*=nosuch''%41", "application/json"),
        ("multipart/form-data; charset=hex; Boundary=x", "multipart/form-data; Boundary=x"),
        ('multipart/form-data; boundary="a b"; charset=x', 'multipart/form-data; boundary="a b"'),
        (";;;", ""),
    ],
)
def test_only_the_boundary_of_parts_goes_on(given: str, seen: str) -> None:
    answer = in_utf8(lambda environ, _: [environ["CONTENT_TYPE"].encode()])
    assert answer({"CONTENT_TYPE": given}, lambda *_: None) == [seen.encode()]


@pytest.fixture
def ask(transactional_db: None) -> Any:
    application = in_utf8(WSGIHandler())

    def send(path: str, query: str, content_type: str) -> str:
        environ: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": query, "CONTENT_TYPE": content_type}
        setup_testing_defaults(environ)
        status: list[str] = []
        answer = application({**environ, "wsgi.input": io.BytesIO()}, lambda told, *_: status.append(told))
        answer.close()  # type: ignore[attr-defined]
        return status[0][:3]

    return send


@pytest.mark.parametrize("path", ["/api/v2/posts", "/api/v2/search", "/api/v1/posts", "/api/posts"])
@pytest.mark.parametrize("charset", ["unicode_escape", "hex", "zlib", "undefined", "punycode"])
def test_no_codec_of_the_sender_makes_another_text_of_a_query(ask: Any, path: str, charset: str) -> None:
    assert ask(path, "q=%5Cud800&tag=%5Cud800", f"text/plain; charset={charset}") in ("200", "400")


def test_unknown_charsets_are_not_kept(ask: Any) -> None:
    before = len(encodings._cache)  # type: ignore[attr-defined]
    for _ in range(3):
        ask("/api/v2/posts", "", f"text/plain; charset={secrets.token_hex(20)}")
    assert len(encodings._cache) == before  # type: ignore[attr-defined]


AS_SERVED = """
import encodings, io, secrets
from wsgiref.util import setup_testing_defaults
from cms.wsgi import application
known = []
for path in 3 * ["/api/v2/posts", "/api/posts", "/"]:
    known.append(len(encodings._cache))
    environ = {"PATH_INFO": path, "CONTENT_TYPE": f"text/plain; charset={secrets.token_hex(20)}"}
    setup_testing_defaults(environ)
    application({**environ, "wsgi.input": io.BytesIO()}, lambda *_: None).close()
print(len(encodings._cache) - known[3])  # the first three load codecs that the application needs
"""


def test_no_part_of_the_application_reads_a_charset_before(tmp_path: Path) -> None:
    env = clean_environment({"DJANGO_SETTINGS_MODULE": "cms.settings", "DATABASE_URL": f"sqlite:///{tmp_path}/db"})
    run = subprocess.run(
        [sys.executable, "-c", AS_SERVED], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["0"]
