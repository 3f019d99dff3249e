"""Whether this server and what it stands on work. Credentials are ignored: a probe must not fail for their sake."""

from typing import Any
from uuid import uuid4

from django.core.cache import cache
from django.db import Error, connection
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from api_v1.responses import failure, success
from api_v1.serializers.timestamps import timestamp
from api_v1.views.view import V1View


class HealthView(V1View):
    """Unhealthy (503) without a database; without a cache only degraded, for everything still answers."""

    authentication_classes = []

    def get(self, request: Request) -> HttpResponse:
        database, is_cache_up = _state(_is_database_up()), _is_cache_up()
        # Search lives in the database: its state is the database's.
        services = {"database": database, "cache": _state(is_cache_up), "search": database}
        if database == "down":
            return failure(503, "Service unavailable", data=_health("unhealthy", services))
        return success(_health("healthy" if is_cache_up else "degraded", services))


class LivenessView(V1View):
    """That this process answers. What it stands on is not asked: restarting it would not mend that."""

    authentication_classes = []

    def get(self, request: Request) -> HttpResponse:
        return success(_health("healthy", dict.fromkeys(("database", "cache", "search"), "unchecked")))


def _health(status: str, services: dict[str, str]) -> dict[str, Any]:
    return {"status": status, "timestamp": timestamp(timezone.now()), "services": services}


def _state(is_up: bool) -> str:
    return "up" if is_up else "down"


def _is_database_up() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def _is_cache_up() -> bool:
    """By writing and reading back: the cache is set up to swallow its failures."""
    key = f"health:{uuid4()}"
    cache.set(key, True, timeout=5)
    return cache.get(key) is True
