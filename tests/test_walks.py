"""The walks of ARCHITECTURE.md: each is followed through the code, function by function, from its first file to its last."""

import inspect
import io
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.test import Client, RequestFactory

from api_v2.fast_lane import FastLane
from canary.state import store
from cms.ids import parse_uuid
from cms.models import Post, User

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
PRODUCT = tuple(f"{ROOT / name}/" for name in ("api_v1", "api_v2", "canary", "cms"))
EVERYWHERE = re.findall(r"`([\w/.]+)`", ARCHITECTURE.split(" follows it. All of them read")[1].split("\n\n")[0])

type Step = tuple[str, str]
"""A file or room, and the qualified name of a function in it."""


@dataclass(frozen=True)
class Walk:
    steps: list[Step]
    beside: list[str]
    """Files and rooms that are called as well, whenever."""


def walk(title: str) -> Walk:
    """Return the one whose heading begins with `title`."""
    section = ARCHITECTURE.split(f"\n### {title}: ")[1].split("\n##")[0]
    steps = re.findall(r"^\d+\. `([\w/.]+)` `([\w.]+)`", section, re.MULTILINE)
    assert len(steps) == len(re.findall(r"^\d+\. ", section, re.MULTILINE))  # each has its function
    beside = section.split("\nBeside them: ")[1].split("\n\n")[0]
    return Walk(steps, re.findall(r"`([\w/.]+)`", beside))


def is_in(file: str, place: str) -> bool:
    """`cms/x/` holds what is in this room; it may be one module still."""
    return file == place or (place.endswith("/") and file.startswith((place, f"{place[:-1]}.")))


def followed(flow: Callable[[int], object]) -> list[Step]:
    """Return the product's functions that `flow(2)` calls in this thread, by their first call.

    `flow(1)` goes before it: what is imported and kept once isn't part of a walk.
    """
    called: dict[Step, None] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PRODUCT) and code.co_flags & inspect.CO_OPTIMIZED:
            called.setdefault((Path(code.co_filename).relative_to(ROOT).as_posix(), code.co_qualname))

    flow(1)
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        flow(2)
    finally:
        sys.setprofile(before)
    return list(called)


def differences(walk: Walk, called: list[Step]) -> list[str]:
    """Return in sentences how the walk differs from what was called."""

    def turn(step: Step) -> int:
        """When the step comes; -1 when it doesn't."""
        found = (n for n, (file, name) in enumerate(called) if name == step[1] and is_in(file, step[0]))
        return next(found, -1)

    turns = [turn(step) for step in walk.steps]
    places = [*(place for place, _ in walk.steps), *walk.beside, *EVERYWHERE]
    files = dict.fromkeys(file for file, _ in called)
    return [
        *(f"{step} is never called." for step, n in zip(walk.steps, turns, strict=True) if n < 0),
        *(
            f"{step} comes before the step above it."
            for step, n, above in zip(walk.steps[1:], turns[1:], turns, strict=False)
            if 0 <= n <= above
        ),
        *(f"{file} is called and not listed." for file in files if not any(is_in(file, place) for place in places)),
        *(f"{place} is never called." for place in walk.beside if not any(is_in(file, place) for file in files)),
    ]


# -- the map ----------------------------------------------------------------------------------------------------------


def test_every_path_exists() -> None:
    paths = re.findall(r"`((?:api_v1|api_v2|canary|cms|tests)/[\w./]*)`", ARCHITECTURE)
    assert len(paths) > 100
    for path in paths:
        assert (ROOT / path).exists() or (ROOT / f"{path.rstrip('/')}.py").exists(), path


def test_every_room_is_drawn_and_on_the_map() -> None:
    picture, table = ARCHITECTURE.split("```")[1], ARCHITECTURE.split("## Code map")[1].split("\n## ")[0]
    rooms = {path.parent for name in ("canary", "cms") for path in (ROOT / name).glob("*/__init__.py")}
    for room in {path for path in rooms if path.name != "migrations"}:
        assert f"`{room.relative_to(ROOT)}/`" in table
        assert re.search(rf"\b{room.name}/", picture), room


# -- the walks --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_read_walks_as_described(make_post: Callable[..., Post]) -> None:
    make_post()
    client = Client()
    call_command("canary", "set", "100", reason="v2 for everybody", stdout=io.StringIO())
    store.refresh()

    def read(turn: int) -> None:
        client.cookies.clear()
        # So many as nobody else asks for: a list that was asked for before has its statement already.
        response = client.get(f"/api/posts?limit={90 + turn}")
        assert (response.status_code, response.headers["API-Version"]) == (200, "2")

    assert differences(walk("A read"), followed(read)) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(os.environ["DATABASE_URL"].startswith("sqlite"), reason="nothing is kept of a database in memory")
def test_a_read_from_memory_walks_as_described(make_post: Callable[..., Post]) -> None:
    make_post()
    lane = FastLane(WSGIHandler())

    def read(_: int) -> None:
        request = RequestFactory().get("/api/v2/posts").environ
        request.pop("HTTP_COOKIE")
        answered: list[str] = []
        lane(request, lambda status, headers: answered.append(status)).close()  # type: ignore[attr-defined]
        assert answered == ["200 OK"]

    assert differences(walk("The same again"), followed(read)) == []


@pytest.mark.django_db
def test_a_write_walks_as_described(author: User, client_of: Callable[[User], Client]) -> None:
    client = client_of(author)

    def write(turn: int) -> None:
        body = {"title": f"Post {turn}", "content": "Some *content*."}
        assert client.post("/api/v2/posts", body, content_type="application/json").status_code == 201

    assert differences(walk("A write"), followed(write)) == []


@pytest.mark.django_db
def test_a_change_of_the_rollout_walks_as_described() -> None:
    def change(turn: int) -> None:
        call_command("canary", "set", str(5 * turn), reason="a few more", stdout=io.StringIO())

    assert differences(walk("A change of the rollout"), followed(change)) == []


@pytest.mark.django_db
def test_an_import_walks_as_described(tmp_path: Path) -> None:
    def bring_in(turn: int) -> None:
        folder = tmp_path / f"blog-{turn}"
        folder.mkdir()
        (folder / "post.md").write_text(f"---\ntitle: Post {turn}\ndate: 2024-01-01\ntags: [news]\n---\nSome *text*.\n")
        call_command("import_content", str(folder), stdout=io.StringIO())

    assert differences(walk("An import"), followed(bring_in)) == []


# -- faults in a walk -------------------------------------------------------------------------------------------------

CALLED = [("cms/http/logs.py", "log"), ("cms/policy.py", "may"), ("cms/services/posts.py", "create_post")]
POLICY, SERVICE = CALLED[1:]


@pytest.mark.parametrize(
    ("planted", "difference"),
    [
        (Walk([POLICY, SERVICE], ["cms/http/"]), ""),
        (Walk([POLICY, ("cms/services/", "create_post")], ["cms/http/logs.py"]), ""),
        (Walk([SERVICE, POLICY], ["cms/http/"]), "comes before the step above it"),
        (Walk([POLICY, SERVICE, ("cms/policy.py", "may_not")], ["cms/http/"]), "'may_not') is never called"),
        (Walk([POLICY, SERVICE], []), "cms/http/logs.py is called and not listed"),
        (Walk([POLICY, SERVICE], ["cms/http/", "cms/text/"]), "cms/text/ is never called"),
    ],
    ids=["right", "by room", "order", "step", "file", "room"],
)
def test_a_fault_in_a_walk_is_found(planted: Walk, difference: str) -> None:
    found = differences(planted, CALLED)
    assert len(found) == bool(difference)
    assert difference in "".join(found)


def test_a_walk_that_is_followed_has_the_functions_alone_that_a_flow_calls() -> None:
    assert followed(lambda _: parse_uuid("x")) == [("cms/ids.py", "parse_uuid")]
