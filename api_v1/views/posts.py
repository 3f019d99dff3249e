"""Posts: listing, reading, writing."""

from typing import Any, Final

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from api_v1.pagination import Page
from api_v1.queries import find_category_named, find_post, list_posts, term_names
from api_v1.responses import success
from api_v1.serializers.posts import PostInput, post_body
from api_v1.views.view import V1View
from cms import policy
from cms.models import User
from cms.services.post_states import publish_post
from cms.services.posts import PostFields, create_post

_SAME_IN_DOMAIN: Final = ("title", "content", "excerpt", "slug", "tags", "meta_title", "meta_description")


class PostListView(V1View):
    def get(self, request: Request) -> HttpResponse:
        page = Page(list_posts(request.query_params, request.user, timezone.now()), request.query_params)
        names = term_names(page.rows, request.user)
        return success(page.body(lambda post: post_body(post, names)))

    def post(self, request: Request) -> HttpResponse:
        user = self.require(policy.may_write_posts)
        values = self.parse(PostInput)
        fields, now = _post_fields(values, user), timezone.now()
        with transaction.atomic():
            post = create_post(actor=user, fields=fields, now=now)
            if values.get("published"):
                post = publish_post(actor=user, post=post, now=now)
        return success(post_body(post, term_names([post], user)), 201)


class PostView(V1View):
    def get(self, request: Request, uuid: str) -> HttpResponse:
        post = find_post(uuid, request.user, timezone.now())
        return success(post_body(post, term_names([post], request.user)))


def _post_fields(values: dict[str, Any], user: User) -> PostFields:
    fields: dict[str, Any] = {name: values[name] for name in _SAME_IN_DOMAIN if name in values}
    if "category" in values:
        fields["categories"] = [find_category_named(values["category"], user)]
    return fields  # type: ignore[return-value]
