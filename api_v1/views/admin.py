"""Posts as admins manage them: in every state but the trash."""

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from api_v1.long_posts import answer_posts
from api_v1.queries import find_post, list_posts_of_all_states, term_names
from api_v1.responses import success
from api_v1.serializers.posts import PostInput, post_body
from api_v1.views.view import V1View
from api_v1.writes import create_from, trash
from cms import clock, policy
from cms.choices import Scope
from cms.costs.bodies import POST_BYTES_MAX


class AdminPostListView(V1View):
    body_bytes_max = POST_BYTES_MAX
    scopes = {"GET": Scope.POSTS_READ, "POST": Scope.POSTS_WRITE}

    def get(self, request: Request) -> HttpResponseBase:
        user = self.require(policy.may_administer)
        page = list_posts_of_all_states(request.query_params, user, clock.now())
        names = term_names(page.rows, user)
        return answer_posts(request, page.rows, page.body(lambda post: post_body(post, names)), clock.now)

    def post(self, request: Request) -> HttpResponse:
        user = self.require(policy.may_administer)
        post = create_from(self.parse(PostInput), actor=user, now=clock.now())
        return success(post_body(post, term_names([post], user)), 201)


class AdminPostView(V1View):
    scopes = {"DELETE": Scope.POSTS_WRITE}

    def delete(self, request: Request, uuid: str) -> HttpResponse:
        user, now = self.require(policy.may_administer), clock.now()
        trash(actor=user, post=find_post(uuid, user, now), now=now)
        return success({"message": "Post deleted"})
