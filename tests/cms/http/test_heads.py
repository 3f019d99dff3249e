"""Answers to HEAD have the headers of a GET, and no body that the server would have to drop."""

import io
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished

from cms.http.heads import without_bodies

PATHS = ("/api/v1/posts", "/api/posts", "/api/v2/posts", "/admin/login/", "/no/such/page", "/robots.txt")


@pytest.fixture
def ask(transactional_db: None) -> Any:
    application = without_bodies(WSGIHandler())

    def send(method: str, path: str) -> tuple[str, str | None, int]:
        environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": method}
        setup_testing_defaults(environ)
        told: list[Any] = []
        answer = application({**environ, "wsgi.input": io.BytesIO()}, lambda *status: told.append(status))
        body = b"".join(answer)
        if close := getattr(answer, "close", None):
            close()
        return told[0][0], dict(told[0][1]).get("Content-Length"), len(body)

    return send


@pytest.mark.parametrize("path", PATHS)
def test_a_head_has_the_status_and_length_of_a_get_and_no_body(ask: Any, path: str) -> None:
    status, length, got = ask("GET", path)
    assert got > 0
    ended: list[object] = []

    def end(**sent: object) -> None:
        ended.append(sent)

    request_finished.connect(end)
    try:
        head = ask("HEAD", path)
    finally:
        request_finished.disconnect(end)
    assert head == (status, length, 0)
    assert len(ended) == 1
