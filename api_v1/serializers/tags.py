"""v1's Tag."""

from typing import Any

from cms.models import Tag


def tag_body(tag: Tag) -> dict[str, Any]:
    return {
        "id": tag.id,
        "name": tag.name,
        "slug": tag.slug,
        "description": tag.description,
        "post_count": tag.usage_count,
    }
