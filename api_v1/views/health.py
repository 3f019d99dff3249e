"""The health of this server and of its services. Credentials are ignored: a probe must not fail because of them."""

from typing import Any
from uuid import uuid4

from django.core.cache import cache
from django.db import Error, connection
from django.http import HttpResponse
from rest_framework.request import Request

from api_v1.responses import failure, success
from api_v1.serializers.timestamps import timestamp
from api_v1.views.view import V1View
from cms import clock
from cms.services.search_index import probe_index


class HealthView(V1View):
    """Unhealthy (503) without a database; only degraded without a cache or a search, as everything else still works."""

    authentication_classes = []
    is_limited = False

    def get(self, request: Request) -> HttpResponse:
        is_up = {"database": _is_database_up(), "cache": _is_cache_up()}
        is_up["search"] = is_up["database"] and _is_search_up()
        services = {name: "up" if is_well else "down" for name, is_well in is_up.items()}
        if not is_up["database"]:
            return failure(503, "Service unavailable", data=_health("unhealthy", services))
        return success(_health("healthy" if all(is_up.values()) else "degraded", services))


class LivenessView(V1View):
    """Report that this process answers. Its services are not checked: a restart would not cure them."""

    authentication_classes = []
    is_limited = False

    def get(self, request: Request) -> HttpResponse:
        return success(_health("healthy", dict.fromkeys(("database", "cache", "search"), "unchecked")))


def _health(status: str, services: dict[str, str]) -> dict[str, Any]:
    return {"status": status, "timestamp": timestamp(clock.now()), "services": services}


def _is_database_up() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def _is_search_up() -> bool:
    try:
        probe_index(clock.now())
    except Error:
        return False
    return True


def _is_cache_up() -> bool:
    """Check the cache by writing and reading back: it is set up to swallow its failures."""
    key = f"health:{uuid4()}"
    cache.set(key, True, timeout=5)
    return cache.get(key) is True
