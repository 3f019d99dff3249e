"""What the calls of `arm_routes_v1` are in v2, in the form that a site's own data has."""

from typing import Any

V2_ONLY: dict[str, Any] = {}
SHAPES: dict[str, Any] = {}


def route(path: str, call: dict[str, Any] | None, gap: str = "") -> dict[str, Any]:
    rest = {"then": (), "parameters": (), "body": None, "answers": (), "notes": ()}
    return {"method": "GET", "path": path, "call": call, "gap": gap, **rest}


ROUTES = (
    route("/things", {"method": "GET", "path": "/items", "query": {}, "query_of_users": {}}),
    route("/things/{id}", None, "An item has no address of its own."),
)
