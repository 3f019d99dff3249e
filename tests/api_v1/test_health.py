"""GET /health, /health/liveness, /health/readiness."""

import datetime
from typing import Any, NoReturn

import pytest
from django.db import OperationalError, connection
from django.test import Client

UP = {"database": "up", "cache": "up", "search": "up"}


def refuse_statement(*args: Any) -> NoReturn:
    raise OperationalError("the database is gone")


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/health/readiness", "/api/health"])
def test_a_server_whose_parts_work_is_healthy(path: str, anonymous: Client) -> None:
    data = anonymous.get(path, headers={"authorization": "Bearer rubbish"}).json()["data"]
    assert (data["status"], data["services"]) == ("healthy", UP)
    assert datetime.datetime.fromisoformat(data["timestamp"]).tzinfo is not None


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/health/readiness"])
def test_without_a_database_a_server_is_unhealthy(path: str, anonymous: Client) -> None:
    with connection.execute_wrapper(refuse_statement):
        response = anonymous.get(path)
    assert response.status_code == 503
    body = response.json()
    assert body["success"] is False
    assert body["data"]["status"] == "unhealthy"
    assert body["data"]["services"] == {"database": "down", "cache": "up", "search": "down"}


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/health/readiness"])
def test_without_its_search_a_server_is_degraded_and_still_ready(path: str, anonymous: Client) -> None:
    def refuse_searches(execute: Any, sql: str, *args: Any) -> Any:
        if "cms_searchdocument" in sql:
            raise OperationalError("the index is broken")
        return execute(sql, *args)

    with connection.execute_wrapper(refuse_searches):
        response = anonymous.get(path)
    assert response.status_code == 200
    data = response.json()["data"]
    assert (data["status"], data["services"]) == ("degraded", UP | {"search": "down"})


def test_without_a_database_a_server_is_alive(anonymous: Client) -> None:
    with connection.execute_wrapper(refuse_statement):
        response = anonymous.get("/api/v1/health/liveness")
    assert response.status_code == 200
    assert response.json()["data"]["status"] == "healthy"
    assert response.json()["data"]["services"].keys() == UP.keys()


def test_without_a_cache_a_server_is_degraded_and_still_ready(anonymous: Client, settings: Any) -> None:
    closed_port = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": "redis://127.0.0.1:1/0",
        "OPTIONS": {"IGNORE_EXCEPTIONS": True, "SOCKET_CONNECT_TIMEOUT": 1},
    }
    settings.CACHES = {"default": closed_port}
    response = anonymous.get("/api/v1/health/readiness")
    assert response.status_code == 200
    assert response.json()["data"]["status"] == "degraded"
    assert response.json()["data"]["services"]["cache"] == "down"
