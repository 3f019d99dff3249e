"""v1's Category."""

from typing import Any

from cms.models import Category


def category_body(category: Category) -> dict[str, Any]:
    return {
        "id": category.id,
        "name": category.name,
        "slug": category.slug,
        "description": category.description,
        "post_count": category.post_count,
        "parent": category.parent_id,
        "is_active": category.is_active,
    }
