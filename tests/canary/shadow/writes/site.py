"""Two versions of one call that writes to three tables, with faults to plant in v2, and the rows that it may change."""

import itertools
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.core.mail import send_mail
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from canary.successors import route, shape
from cms.models import AuditEvent, Category, Tag

THING = {"name": "tea", "text": "green"}
DONE: list[str] = []
"""Names of callbacks that ran after a commit: none may."""
FOLDER = Path()
LINE: Any = None
"""A connection that is open before any request, and `PEER` its other end."""
PEER: Any = None
HTTP: Any = None
"""A client that all requests share and nobody repairs."""
POOL = ThreadPoolExecutor(1)
BY_TURNS = {"once": itertools.cycle(["lost", ""]), "in turns": itertools.cycle(["lost", "status"])}
"""Faults that another run does not have."""


class Handler:
    """`v1` writes a tag, two groups and an audit event. `plant` changes what another version does."""

    def __init__(self, version: int, fault: str, asked: dict[str, Any]) -> None:
        self.version, self.asked = version, asked
        self.fault = next(BY_TURNS[fault]) if fault in BY_TURNS else fault

    def post(self) -> HttpResponse:
        with transaction.atomic(durable=True):
            tag = self.tag()
            groups = self.groups(tag)
            self.link(groups)
            self.event(tag)
            transaction.on_commit(lambda: DONE.append(self.fault))
        self.beside()
        answer = JsonResponse({"id": str(tag.pk)}, status=200 if self.fault == "status" else 201)
        return HttpResponse(status=422) if self.fault == "refusal" else answer

    def tag(self) -> Tag:
        text = {"lost": "", "cut": self.asked["text"][:2]}.get(self.fault, self.asked["text"])
        name = self.asked["name"]
        return Tag.objects.create(name=name, name_key=name, slug=name, description=text)

    def groups(self, tag: Tag) -> list[Group]:
        names = [f"readers of {tag.name}", f"writers of {tag.name}"]
        if self.fault == "order":
            names.reverse()
        if self.fault == "row":
            names.pop()
        if self.fault == "rows":
            names.append("more")
        return [Group.objects.create(name=name) for name in names]

    def link(self, groups: list[Group]) -> None:
        permission = Permission.objects.order_by("pk")[0]
        linked = groups[-1] if self.fault in ("link", "order") else groups[0]
        linked.permissions.add(permission)

    def event(self, tag: Tag) -> None:
        after = {"name": tag.name, "id": str(uuid.uuid4() if self.fault == "reference" else tag.pk), "at": time.time()}
        if self.fault == "member":
            del after["at"]
        AuditEvent.objects.create(action="made", object_type="tag", object_id=tag.pk, after=after)

    def beside(self) -> None:
        beside: dict[str, Callable[[], object]] = {
            "mail": lambda: send_mail("a", "b", "from@example.org", ["to@example.org"]),
            "thread": lambda: threading.Thread(target=DONE.clear).start(),
            "socket": lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
            "open": lambda: LINE.sendall(b"x"),
            "http": lambda: HTTP.request("POST", "/charges"),
            "executor": lambda: POOL.submit(DONE.append, "x"),
            "file": lambda: (FOLDER / "trace").write_text("x"),
            "unnamed": lambda: Category.objects.create(name="c", slug="c"),
            "locked": lambda: [*Category.objects.select_for_update()],
            "lock": lambda: _send("LOCK TABLE cms_category"),
            "advisory": lambda: _send("SELECT pg_advisory_lock(7)"),
            "commit": lambda: _send("COMMIT"),
            "hidden": lambda: _send("SELECT 1; -- one more\n/* the last */ commit"),
            "script": _run_script,
            "late": _sleep_in_steps,
        }
        times = cache.get("shadow", 0) + 1
        cache.set("shadow", times)
        assert cache.get("shadow") == times
        if self.fault in beside:
            beside[self.fault]()


def _run_script() -> None:
    """Python commits before a script by itself."""
    with connection.cursor() as cursor:
        cursor.executescript("UPDATE cms_tag SET usage_count = 9")


def _sleep_in_steps() -> None:
    while True:
        time.sleep(0.01)


def _send(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def v1(request: HttpRequest) -> HttpResponse:
    asked = json.loads(request.body)
    return Handler(1, asked.get("v1", ""), asked).post()


def v2(request: HttpRequest) -> HttpResponse:
    told = json.loads(request.body)
    return Handler(2, told.get("fault", ""), {"name": told["title"], "text": told["text"]["plain"]}).post()


def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Change a tag outside of any block: each statement stands for itself."""
    try:
        asked = json.loads(request.body.decode())
    except ValueError:
        return HttpResponse(status=400)
    if asked.get("refused"):
        return HttpResponse(status=422)
    try:
        Group.objects.create(name="known")
    except IntegrityError:
        Group.objects.filter(name="known").update(name="renamed")
    changes = {"usage_count": 7, "description": asked["text"]}
    if asked.get("fault") == "lost" and request.path_info.startswith("/api/v2"):
        del changes["description"]
    Tag.objects.filter(slug=slug).update(**changes)
    return JsonResponse({})


def of_v1(_: HttpRequest) -> HttpResponse:
    return HttpResponse(status=201)


async def of_v2(_: HttpRequest) -> HttpResponse:
    return HttpResponse(status=201)


class V1:
    urlpatterns = [path("api/v1/things", v1), path("api/v1/things/<slug>", change), path("api/v1/async", of_v1)]


class V2:
    urlpatterns = [path("api/v2/things", v2), path("api/v2/things/<slug>", change), path("api/v2/async", of_v2)]


def rows(call: Any) -> Iterator[Any]:
    yield Tag.objects.filter(slug=call.values.get("slug", ""))
    yield Group.objects.filter(name__startswith="known")
    yield Group.permissions.through.objects.none()
    yield AuditEvent.objects.none()


def rows_that_write(call: Any) -> Iterator[Any]:
    Group.objects.update(name="changed")
    yield Group.objects.all()


ROUTES = (
    route("POST /things", "POST /things", body="thing", statuses=(201, 201)),
    route("PUT /things/{slug}", "PATCH /things/{slug}"),
    route("POST /unknown", "POST /unknown"),
    route("POST /async", "POST /async", statuses=(201, 201)),
)
SHAPES: dict[str, Any] = {}
BODIES = {"thing": shape(("name", "title"), ("text", "text.plain"), "fault")}
