"""Comments: those of a post in thread order, and one of them."""

from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from api_v2.errors import not_found
from api_v2.keyset import Sort, SortKey
from api_v2.pagination import PAGE_PARAMETERS, read_page_request
from api_v2.serializers.comments import COMMENT
from api_v2.views.api_view import ApiView
from api_v2.views.resources import answer_list, answer_one
from cms.choices import Scope
from cms.ids import parse_uuid
from cms.models import Comment, Post

THREAD_ORDER: Final = Sort((SortKey("thread_path"),))


class PostCommentsView(ApiView):
    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": ("fields", *PAGE_PARAMETERS)}

    def get(self, request: Request, slug_or_id: str) -> HttpResponse:
        wanted = read_page_request(self.http_request, self.query, sort=THREAD_ORDER)
        post = Post.objects.visible_to(self.actor, self.now).with_slug_or_id(slug_or_id).only("pk").first()
        if post is None:
            raise not_found()
        rows = Comment.objects.visible_to(self.actor, self.now).filter(post=post)
        return answer_list(self, wanted, rows=rows, shape=COMMENT, sort=THREAD_ORDER)


class CommentView(ApiView):
    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": ("fields",)}

    def get(self, request: Request, comment_id: str) -> HttpResponse:
        rows = Comment.objects.visible_to(self.actor, self.now).filter(pk=parse_uuid(comment_id))
        return answer_one(self, rows=rows, shape=COMMENT)
