"""Tags and categories: lists by name, single ones, the tree; for editors also making, changing and deleting them."""

from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from api_v2.keyset import Sort, SortKey
from api_v2.pagination import PAGE_PARAMETERS, read_page_request
from api_v2.query import named
from api_v2.serializers.terms import CATEGORY, TAG, category_columns, read_category, read_tag, write_tree
from api_v2.sources import NEXT_CHANGE, Source, read_all
from api_v2.views.api_view import ApiView
from api_v2.views.public_view import PublicView
from api_v2.views.resources import answer_changed, answer_list_of, answer_one_of, found
from cms import policy
from cms.choices import Scope
from cms.models import Category, Post, Tag
from cms.querysets.visibility import next_change
from cms.services.categories import create_category, delete_category, update_category
from cms.services.tags import create_tag, delete_tag, update_tag

BY_NAME: Final = Sort((SortKey("name"),))
TAGS: Final = Source(
    TAG,
    lambda reader, given: Tag.objects.visible_to(reader, given.now),
    computed=lambda _, given: {NEXT_CHANGE: next_change(Post.objects, given.now)},
    more=(NEXT_CHANGE,),
)
CATEGORIES: Final = Source(
    CATEGORY,
    lambda reader, _: Category.objects.visible_to(reader).by_name(),
    computed=lambda reader, _: category_columns(reader),
)
WRITABLE: Final = {"GET": Scope.POSTS_READ, "PATCH": Scope.POSTS_WRITE, "DELETE": Scope.POSTS_WRITE}


class TagsView(PublicView):
    scopes = {"GET": Scope.POSTS_READ, "POST": Scope.POSTS_WRITE}
    parameters = {"GET": ("fields", *PAGE_PARAMETERS)}

    def get(self, request: Request) -> HttpResponse:
        wanted = read_page_request(self.http_request, self.query, sort=BY_NAME)
        return answer_list_of(self, wanted, TAGS)

    def post(self, request: Request) -> HttpResponse:
        self.require(policy.may_manage_terms, "Only editors and admins manage tags.")
        tag = create_tag(actor=self.actor, fields=read_tag(self.body(), is_new=True), now=self.now)
        return answer_changed(self, tag, TAG, created=f"/tags/{tag.pk}")


class TagView(PublicView):
    scopes = WRITABLE
    parameters = {"GET": ("fields",)}

    def get(self, request: Request, slug_or_id: str) -> HttpResponse:
        return answer_one_of(self, TAGS, **named(slug_or_id))

    def patch(self, request: Request, slug_or_id: str) -> HttpResponse:
        tag, changes = self._tag(slug_or_id), read_tag(self.body(), is_new=False)
        with self.unchanged(tag):
            update_tag(actor=self.actor, tag=tag, changes=changes, now=self.now)
        return answer_changed(self, tag, TAG)

    def delete(self, request: Request, slug_or_id: str) -> HttpResponse:
        tag = self._tag(slug_or_id)
        with self.unchanged(tag, is_doomed=True):
            delete_tag(actor=self.actor, tag=tag)
        return self.answer_nothing()

    def _tag(self, slug_or_id: str) -> Tag:
        self.require(policy.may_manage_terms, "Only editors and admins manage tags.")
        tag: Tag = found(Tag.objects.visible_to(self.actor, self.now).filter(**named(slug_or_id)))
        return tag


class CategoriesView(PublicView):
    scopes = {"GET": Scope.POSTS_READ, "POST": Scope.POSTS_WRITE}
    parameters = {"GET": ("fields", *PAGE_PARAMETERS)}

    def get(self, request: Request) -> HttpResponse:
        wanted = read_page_request(self.http_request, self.query, sort=BY_NAME)
        self.keep_until()
        return answer_list_of(self, wanted, CATEGORIES)

    def post(self, request: Request) -> HttpResponse:
        self.require(policy.may_manage_terms, "Only editors and admins manage categories.")
        fields = read_category(self.body(), self.viewer, is_new=True)
        category = create_category(actor=self.actor, fields=fields, now=self.now)
        return _answer_category(self, category, created=f"/categories/{category.pk}")


class CategoryView(PublicView):
    scopes = WRITABLE
    parameters = {"GET": ("fields",)}

    def get(self, request: Request, slug_or_id: str) -> HttpResponse:
        self.keep_until()
        return answer_one_of(self, CATEGORIES, **named(slug_or_id))

    def patch(self, request: Request, slug_or_id: str) -> HttpResponse:
        category = self._category(slug_or_id)
        changes = read_category(self.body(), self.viewer, is_new=False)
        with self.unchanged(category):
            update_category(actor=self.actor, category=category, changes=changes, now=self.now)
        return _answer_category(self, category)

    def delete(self, request: Request, slug_or_id: str) -> HttpResponse:
        category = self._category(slug_or_id)
        with self.unchanged(category, is_doomed=True):
            delete_category(actor=self.actor, category=category)
        return self.answer_nothing()

    def _category(self, slug_or_id: str) -> Category:
        self.require(policy.may_manage_terms, "Only editors and admins manage categories.")
        category: Category = found(Category.objects.visible_to(self.actor).filter(**named(slug_or_id)))
        return category


class CategoryTreeView(PublicView):
    """The whole tree at once: a list without pages, and so without a limit."""

    scopes = {"GET": Scope.POSTS_READ}

    def get(self, request: Request) -> HttpResponse:
        roots = write_tree(read_all(self.viewer, CATEGORIES, CATEGORY), self.viewer)
        page = {"next": None, "previous": None, "has_more": False, "limit": None}
        self.keep_until()
        return self.answer({"data": roots, "page": page})


def _answer_category(view: ApiView, category: Category, *, created: str | None = None) -> HttpResponse:
    return answer_changed(view, category, CATEGORY, computed=category_columns(view.actor), created=created)
