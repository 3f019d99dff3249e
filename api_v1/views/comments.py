"""Comments: reading those of a post."""

from django.http import HttpResponse
from rest_framework.request import Request

from api_v1.queries import list_comments, uuid_or_refuse
from api_v1.responses import success
from api_v1.serializers.comments import comment_body
from api_v1.views.view import V1View
from cms import clock
from cms.choices import Scope


class PostCommentListView(V1View):
    scopes = {"GET": Scope.POSTS_READ}

    def get(self, request: Request, uuid: str) -> HttpResponse:
        """Return the comments, oldest first."""
        page = list_comments(uuid_or_refuse(uuid), request.query_params, request.user, clock.now())
        return success(page.body(comment_body))
