"""Posts: listing, reading, writing."""

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from api_v1.long_posts import answer_posts
from api_v1.queries import find_post, list_posts, term_names, uuid_or_refuse
from api_v1.responses import success
from api_v1.serializers.posts import PostChanges, PostInput, post_body
from api_v1.views.view import V1View
from api_v1.writes import change_by, create_from, trash
from cms import clock, policy
from cms.choices import Scope, Status
from cms.costs.bodies import POST_BYTES_MAX
from cms.errors import PermissionRefused
from cms.models import Post, User
from cms.services.posts import find_editable_post


class PostListView(V1View):
    body_bytes_max = POST_BYTES_MAX
    scopes = {"GET": Scope.POSTS_READ, "POST": Scope.POSTS_WRITE}

    def get(self, request: Request) -> HttpResponseBase:
        page = list_posts(request.query_params, request.user, clock.now())
        names = term_names(page.rows, request.user)
        return answer_posts(request, page.rows, page.body(lambda post: post_body(post, names)), clock.now)

    def post(self, request: Request) -> HttpResponse:
        user = self.require(policy.may_write_posts)
        post = create_from(self.parse(PostInput), actor=user, now=clock.now())
        return success(post_body(post, term_names([post], user)), 201)


class PostView(V1View):
    body_bytes_max = POST_BYTES_MAX
    scopes = {"GET": Scope.POSTS_READ, "PUT": Scope.POSTS_WRITE, "DELETE": Scope.POSTS_WRITE}

    def get(self, request: Request, uuid: str) -> HttpResponse:
        post = find_post(uuid, request.user, clock.now())
        return success(post_body(post, term_names([post], request.user)))

    def put(self, request: Request, uuid: str) -> HttpResponse:
        user, post = self._editable(uuid)
        post = change_by(self.parse(PostChanges), actor=user, post=post, now=clock.now())
        return success(post_body(post, term_names([post], user)))

    def delete(self, request: Request, uuid: str) -> HttpResponse:
        user, post = self._editable(uuid)
        trash(actor=user, post=post, now=clock.now())
        return success({"message": "Post deleted"})

    def _editable(self, uuid: str) -> tuple[User, Post]:
        """Return a post to change: a hidden one is not found, and one that may only be read is refused."""
        user = self.require()
        post = find_editable_post(user, str(uuid_or_refuse(uuid)))
        if post is None or post.status == Status.TRASHED:
            post = find_post(uuid, user, clock.now())
            if not policy.may_edit_post(user, post):
                raise PermissionRefused("Only its authors and editors change this post.")
        return user, post
