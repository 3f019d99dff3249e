"""Categories: reading them."""

from django.http import HttpResponse
from rest_framework.request import Request

from api_v1.pagination import Page
from api_v1.queries import is_storable
from api_v1.responses import success
from api_v1.serializers.terms import category_body
from api_v1.views.view import V1View
from cms.choices import Scope
from cms.errors import NotFound
from cms.models import Category


class CategoryListView(V1View):
    scopes = {"GET": Scope.POSTS_READ}

    def get(self, request: Request) -> HttpResponse:
        categories = Category.objects.visible_to(request.user).with_visible_parent(request.user).by_name()
        return success(Page(categories, request.query_params).body(category_body))


class CategoryView(V1View):
    scopes = {"GET": Scope.POSTS_READ}

    def get(self, request: Request, slug: str) -> HttpResponse:
        categories = Category.objects.visible_to(request.user).with_visible_parent(request.user)
        category = categories.filter(slug=slug).first() if is_storable(slug) else None
        if category is None:
            raise NotFound
        return success(category_body(category))
