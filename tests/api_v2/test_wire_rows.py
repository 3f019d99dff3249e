"""Rows that PostgreSQL writes as JSON are, byte for byte, those that Python writes."""

import datetime
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.utils import timezone

from api_v2.serializers.shapes import Viewer, write_all
from api_v2.serializers.terms import TAG
from api_v2.serializers.wire_rows import wire_row
from cms.models import Tag

EVERY_ASCII = "".join(map(chr, range(1, 128)))
TEXTS = (
    "",
    EVERY_ASCII,
    "\x80\x9f\xad\u2028\u2029\ufeff\uffff",
    "茶 🫖 ÿ\u0301 \U0010ffff",
    "</script>\\u0041 100 %s %% %",
)
INSTANTS = (
    datetime.datetime(1, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(1999, 12, 31, 23, 59, 59, 999_999, datetime.UTC),
    datetime.datetime(2026, 3, 29, 1, 30, 0, 10, datetime.UTC),
    datetime.datetime(9999, 12, 31, 23, 59, 59, 120_000, datetime.UTC),
)


@pytest.mark.parametrize("fields", [tuple(TAG), ("post_count",), ("slug", "created_at", "id")])
def test_the_first_page_of_tags_has_the_bytes_of_pythons_json(
    get: Callable[..., Any], db: None, fields: tuple[str, ...]
) -> None:
    Tag.objects.bulk_create(
        Tag(
            name=f"{number} “Tea” \\ 茶",
            name_key=str(number),
            slug=f"t{number}",
            description=text,
            usage_count=number * 1_000_000 + 1,
            created_at=INSTANTS[number % len(INSTANTS)],
            updated_at=INSTANTS[-1 - number % len(INSTANTS)],
        )
        for number, text in enumerate(TEXTS)
    )
    answer = get(f"/tags?limit=100&fields={','.join(fields)}")
    rows = Tag.objects.order_by("name", "id").values()
    data = write_all(rows, TAG, fields, Viewer(AnonymousUser(), timezone.now(), "/api/v2"))
    assert len(data) == len(TEXTS)
    assert bool(wire_row(TAG, fields)) == (connection.vendor == "postgresql")
    assert answer.content == orjson.dumps({"data": data, "page": answer.json()["page"]})
