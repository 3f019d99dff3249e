"""Tags: reading them."""

from django.http import HttpResponse
from rest_framework.request import Request

from api_v1.queries import is_storable, list_tags
from api_v1.responses import success
from api_v1.serializers.terms import tag_body
from api_v1.views.view import V1View
from cms import clock
from cms.choices import Scope
from cms.errors import NotFound
from cms.models import Tag


class TagListView(V1View):
    scopes = {"GET": Scope.POSTS_READ}

    def get(self, request: Request) -> HttpResponse:
        return success(list_tags(request.query_params, request.user, clock.now()).body(tag_body))


class TagView(V1View):
    scopes = {"GET": Scope.POSTS_READ}

    def get(self, request: Request, slug: str) -> HttpResponse:
        tags = Tag.objects.visible_to(request.user, clock.now())
        tag = tags.filter(slug=slug).first() if is_storable(slug) else None
        if tag is None:
            raise NotFound
        return success(tag_body(tag))
