"""v1's Comment. A deleted one keeps its place above its replies, without its text and author."""

from typing import Any

from api_v1.serializers.timestamps import timestamp
from cms.choices import CommentStatus
from cms.models import Comment


def comment_body(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "post_id": comment.post_id,
        "author_id": None if comment.status == CommentStatus.DELETED else comment.author_id,
        "content": comment.text,
        "created_at": timestamp(comment.created_at),
    }
