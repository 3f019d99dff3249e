"""Comments: reading those of a post."""

from django.http import HttpResponse
from rest_framework.request import Request

from api_v1.pagination import Page
from api_v1.queries import uuid_or_refuse, visible_posts
from api_v1.responses import success
from api_v1.serializers.comments import COLUMNS, comment_body
from api_v1.views.view import V1View
from cms import clock
from cms.choices import Scope
from cms.errors import NotFound
from cms.models import Comment


class PostCommentListView(V1View):
    scopes = {"GET": Scope.POSTS_READ}

    def get(self, request: Request, uuid: str) -> HttpResponse:
        """Return the comments, oldest first."""
        post_id, now = uuid_or_refuse(uuid), clock.now()
        if not visible_posts(request.user, now).filter(pk=post_id).exists():
            raise NotFound
        comments = Comment.objects.visible_to(request.user, now).filter(post_id=post_id)
        rows = comments.order_by("created_at", "id").only(*COLUMNS)
        return success(Page(rows, request.query_params).body(comment_body))
