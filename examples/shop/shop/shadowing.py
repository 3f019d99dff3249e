"""The rows that a write may read or change: what shadow writes copy."""

from collections.abc import Iterator

from django.db.models import QuerySet

from shop.models import Order


def rows(call) -> Iterator[QuerySet]:
    yield Order.objects.filter(buyer=call.user_id)
