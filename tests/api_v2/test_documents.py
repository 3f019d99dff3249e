"""GET /docs, /docs/v1-to-v2 and /changelog: pages for people, with nothing from elsewhere. One script runs, on /docs alone."""

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import urljoin

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from api_v2.openapi import document
from tests.api_v2.documented import json_answers_of
from tests.api_v2.test_openapi import operations

GUIDE = "/docs/v1-to-v2"
HAS_GUIDE = bool(settings.CANARY.get("SUCCESSORS"))
PAGES = ("/docs", "/changelog", *([GUIDE] if HAS_GUIDE else []))


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_html_for_everybody_with_its_own_style_alone(get: Callable[..., Any], path: str) -> None:
    answer = get(path, accept="text/html,application/xhtml+xml,*/*;q=0.8")
    html = answer.content.decode()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; img-src 'self'")
    assert not re.search(r"<script>|<style|style=|\son\w+=|javascript:", html)
    assert html.count("<script ") == (path == "/docs")
    assert ("script-src 'self'; connect-src 'self'" in answer.headers["Content-Security-Policy"]) == (path == "/docs")
    loaded = re.findall(r'<(?:link|img|script)[^>]+(?:href|src)="([^"]+)"', html)
    assert loaded
    for address in loaded:
        assert finders.find(address.removeprefix("/static/")), address


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_kept_by_its_etag_and_refused_to_who_wants_json(get: Callable[..., Any], path: str) -> None:
    etag = get(path).headers["ETag"]
    assert get(path, **{"If-None-Match": etag}).status_code == 304
    refusal = get(path, accept="application/json")
    assert (refusal.status_code, refusal.headers["Content-Type"]) == (406, "application/problem+json")


@pytest.mark.usefixtures("db")
def test_the_page_has_every_operation_with_its_parameters_and_codes(get: Callable[..., Any]) -> None:
    html = get("/docs").content.decode()
    for _, path, operation in operations():
        article = html.partition(f'<article id="{operation["operationId"]}">')[2].partition("</article>")[0]
        assert f'<code class="path">{path}</code>' in article
        for parameter in operation.get("parameters", []):
            assert "$ref" in parameter or f'<span class="name">{parameter["name"]}</span>' in article
        for codes in operation["x-problems"].values():
            assert all(f"<code>{code}</code>" in article for code in codes)
        answers = article.partition("<h4>Answers")[2].partition("<h4>Samples")[0]
        assert ("<pre" in answers) == bool(json_answers_of(operation))
    assert html.count("<article") == len(list(operations()))


@pytest.mark.usefixtures("db")
def test_no_field_of_the_page_has_a_name_that_a_form_could_send(get: Callable[..., Any]) -> None:
    html = get("/docs").content.decode()
    fields = re.findall(r"<(?:input|textarea)[^>]*>", html)
    assert len(fields) > 200
    assert not [field for field in fields if " name=" in field]
    assert html.count("<form ") == len(list(operations()))


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("base", ["/api/v2", "/api"])
def test_links_of_a_page_lead_somewhere(client: Client, path: str, base: str) -> None:
    headers = {"API-Version": "2"}
    html = client.get(f"{base}{path}", headers=headers).content.decode()
    ids = set(re.findall(r'\sid="([^"]+)"', html))
    for target in re.findall(r'<a [^>]*href="([^"]+)"', html):
        if target.startswith("#"):
            assert target[1:] in ids
        else:
            page, _, anchor = urljoin(f"{base}{path}", target).partition("#")
            answer = client.get(page, headers=headers)
            assert answer.status_code == 200, target
            assert not anchor or f'id="{anchor}"' in answer.content.decode(), target


@pytest.mark.usefixtures("db")
def test_the_changelog_has_the_version_that_the_document_has(get: Callable[..., Any]) -> None:
    assert f"<h2>{document()['info']['version']}</h2>" in get("/changelog").content.decode()


@pytest.mark.skipif(not HAS_GUIDE, reason="v1 is gone")
@pytest.mark.usefixtures("db")
def test_the_guide_has_every_call_of_v1_and_what_takes_its_place(get: Callable[..., Any]) -> None:
    html = get(GUIDE).content.decode()
    articles = html.split("<article")[1:]
    for route in import_module(settings.CANARY["SUCCESSORS"]).ROUTES:
        verb, path = route["method"], f'<code class="path">/api/v1{route["path"]}</code></a></h3>'
        article = next(part for part in articles if f">{verb}</span> {path}" in part)
        if route["call"]:
            assert f'<code class="path">/api/v2{route["call"]["path"]}' in article
            assert all(f"<code>{parameter['v1']}</code>" in article for parameter in route["parameters"])
        else:
            assert "No equivalent." in article
    assert "`" not in html
    assert 'href="docs/v1-to-v2"' in get("/docs").content.decode()


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("successors", [{}, {"SUCCESSORS": None}], ids=["absent", "none"])
def test_without_v1_there_is_no_guide(get: Callable[..., Any], settings: Any, successors: dict[str, Any]) -> None:
    rest = {name: value for name, value in settings.CANARY.items() if name != "SUCCESSORS"}
    settings.CANARY = {**rest, **successors}
    answer = get(GUIDE)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    docs = get("/docs")
    assert docs.status_code == 200
    assert 'v1-to-v2">From' not in docs.content.decode()


@pytest.mark.usefixtures("db")
def test_the_first_page_of_the_site_links_to_it(client: Client) -> None:
    assert '<a href="/api/v2/docs">' in client.get("/").content.decode()
