"""Tags and categories: lists by name, single ones, the tree."""

from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from api_v2.keyset import Sort, SortKey
from api_v2.pagination import PAGE_PARAMETERS, read_page_request
from api_v2.serializers.shapes import columns_of, selected
from api_v2.serializers.terms import CATEGORY, TAG, category_columns, write_tree
from api_v2.views.api_view import ApiView
from api_v2.views.resources import answer_list, answer_one
from cms.choices import Scope
from cms.ids import parse_uuid
from cms.models import Category, Tag

BY_NAME: Final = Sort((SortKey("name"),))


class TagsView(ApiView):
    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": ("fields", *PAGE_PARAMETERS)}

    def get(self, request: Request) -> HttpResponse:
        wanted = read_page_request(self.http_request, self.query, sort=BY_NAME)
        return answer_list(self, wanted, rows=Tag.objects.all(), shape=TAG, sort=BY_NAME)


class TagView(ApiView):
    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": ("fields",)}

    def get(self, request: Request, slug_or_id: str) -> HttpResponse:
        return answer_one(self, rows=_named(Tag.objects.all(), slug_or_id), shape=TAG)


class CategoriesView(ApiView):
    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": ("fields", *PAGE_PARAMETERS)}

    def get(self, request: Request) -> HttpResponse:
        wanted = read_page_request(self.http_request, self.query, sort=BY_NAME)
        rows, computed = Category.objects.visible_to(self.actor), category_columns(self.actor)
        return answer_list(self, wanted, rows=rows, shape=CATEGORY, sort=BY_NAME, computed=computed)


class CategoryView(ApiView):
    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": ("fields",)}

    def get(self, request: Request, slug_or_id: str) -> HttpResponse:
        rows = _named(Category.objects.visible_to(self.actor), slug_or_id)
        return answer_one(self, rows=rows, shape=CATEGORY, computed=category_columns(self.actor))


class CategoryTreeView(ApiView):
    """The whole tree at once: a list without pages, and so without a limit."""

    scopes = {"GET": Scope.POSTS_READ}

    def get(self, request: Request) -> HttpResponse:
        rows = Category.objects.visible_to(self.actor).by_name()
        columns = columns_of(CATEGORY, CATEGORY)
        roots = write_tree(selected(rows, columns, category_columns(self.actor)), self.viewer)
        page = {"next": None, "previous": None, "has_more": False, "limit": None}
        return self.answer({"data": roots, "page": page})


def _named(rows: QuerySet[Any], slug_or_id: str) -> QuerySet[Any]:
    """No slug has the form of an id."""
    as_uuid = parse_uuid(slug_or_id)
    return rows.filter(pk=as_uuid) if as_uuid else rows.filter(slug=slug_or_id)
