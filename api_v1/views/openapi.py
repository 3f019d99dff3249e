"""v1's OpenAPI document: the file `openapi.json`, frozen like the contract that it describes."""

from functools import cache
from pathlib import Path
from typing import Final

import orjson
from django.http import HttpResponse
from rest_framework.request import Request

from api_v1.views.view import V1View

FILE: Final = Path(__file__).parent.parent / "openapi.json"


class OpenApiView(V1View):
    scopes = {"GET": None}

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_compact(), content_type="application/json")


@cache
def _compact() -> bytes:
    """Return the file without its line breaks: these bytes are part of the contract."""
    return orjson.dumps(orjson.loads(FILE.read_bytes()))
