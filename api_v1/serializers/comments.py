"""v1's Comment."""

from typing import Any, Final

from api_v1.serializers.timestamps import timestamp
from cms.models import Comment

COLUMNS: Final = ("post", "author", "text", "created_at")


def comment_body(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "post_id": comment.post_id,
        "author_id": comment.author_id,
        "content": comment.text,
        "created_at": timestamp(comment.created_at),
    }
