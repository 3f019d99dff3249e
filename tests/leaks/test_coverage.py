"""The walk knows every route, every query parameter that v2 declares and every row with a page."""

import dataclasses
from urllib.parse import parse_qsl, urlsplit

from tests.leaks.http_paths import FOLLOWED, walked_urls
from tests.leaks.routes import all_routes
from tests.leaks.walking import Answer, leaks_in, unfilled
from tests.leaks.world import World


def test_every_route_is_walked(world: World) -> None:
    routes = all_routes()
    assert len(routes) > 100
    passed_by = unfilled(routes, world)
    assert not passed_by


def test_a_route_that_is_not_registered_is_named(world: World) -> None:
    known = next(route for route in all_routes() if route.pattern == "/posts")
    (sentence,) = unfilled([known, dataclasses.replace(known, pattern="/not-walked")], world)
    expected = f"{known.urlconf}: {known.mount}/not-walked is not walked: say in tests/leaks/http_paths.py"
    assert sentence.startswith(expected)
    page = next(route for route in all_routes() if route.pattern == "admin/cms/post/")
    assert unfilled([dataclasses.replace(page, pattern="admin/cms/gadget/<path:object_id>/change/")], world)


def test_every_query_parameter_that_v2_declares_is_tried(world: World) -> None:
    for route in all_routes():
        declared = getattr(getattr(route.view, "cls", None), "parameters", {}).get("GET", ())
        urls = walked_urls(route, world) or []
        tried = {name for url in urls for name, _ in parse_qsl(urlsplit(url).query)}
        assert set(declared) - FOLLOWED <= tried, f"{route}: a parameter is not tried"


def test_a_leaked_byte_is_found_in_a_body_and_in_a_header(world: World) -> None:
    (word,) = world.words("draft post's title")
    for raw in (f"200\n\n<p>{word}</p>", f"301\nLocation: /posts/{word}\n"):
        answer = Answer("/api/posts/x", "GET", 200, raw.encode())
        leaks, seen = leaks_in([answer], world, "anonymous")
        assert (leaks, seen) == (
            ['anonymous reads "draft post\'s title" in the answer to GET /api/posts/x'],
            {word},
        )
        assert not leaks_in([answer], world, "editor")[0]
        assert not leaks_in([dataclasses.replace(answer, url=f"/api/posts/{word}")], world, "anonymous")[0]
