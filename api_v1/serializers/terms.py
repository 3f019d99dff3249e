"""v1's Tag and Category."""

from typing import Any

from cms.models import Category, Tag


def tag_body(tag: Tag) -> dict[str, Any]:
    return {
        "id": tag.id,
        "name": tag.name,
        "slug": tag.slug,
        "description": tag.description,
        "post_count": tag.usage_count,
    }


def category_body(category: Category) -> dict[str, Any]:
    """Return v1's Category for a category of `with_visible_parent`."""
    return {
        "id": category.id,
        "name": category.name,
        "slug": category.slug,
        "description": category.description,
        "post_count": category.post_count,
        "parent": category.visible_parent,  # type: ignore[attr-defined]
        "is_active": category.is_active,
    }
