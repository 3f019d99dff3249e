"""Posts: what a request says of one, and v1's Post."""

from typing import Any

from rest_framework import serializers

from api_v1.queries import TermNames
from api_v1.serializers.fields import (
    OptionalTextField,
    OptionalTrueOrFalseField,
    OptionalUuidField,
    TextField,
    TextsField,
)
from api_v1.serializers.timestamps import timestamp, timestamp_or_null
from cms.models import Post


class PostInput(serializers.Serializer[Any]):
    title = TextField()
    content = TextField()
    excerpt = OptionalTextField()
    slug = OptionalTextField()
    published = OptionalTrueOrFalseField()
    tags = TextsField(required=False, allow_null=True)
    category = OptionalTextField()
    featured_image = OptionalUuidField()
    meta_title = OptionalTextField()
    meta_description = OptionalTextField()


class PostChanges(PostInput):
    title = OptionalTextField()
    content = OptionalTextField()


def post_body(post: Post, names: TermNames) -> dict[str, Any]:
    return {
        "id": post.id,
        "title": post.title,
        "content": post.content,
        "excerpt": post.excerpt,
        "status": post.status,
        "author_id": post.author_id,
        "tags": names.tags.get(post.id, []),
        "metadata": {
            "meta_title": post.meta_title or None,
            "meta_description": post.meta_description or None,
            "categories": names.categories.get(post.id, []),
        },
        "created_at": timestamp(post.created_at),
        "updated_at": timestamp(post.updated_at),
        "published_at": timestamp_or_null(post.published_at),
    }
