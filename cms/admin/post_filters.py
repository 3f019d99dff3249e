"""Filters of the list of posts that are chosen from many: whose, by whom, with which tag, in which category."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import PAGE_VAR
from django.core.cache import cache
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cms import clock, policy
from cms.admin.trees import in_tree_order, indented
from cms.choices import Role
from cms.models import Category, Tag, User

CHOICES_KEPT_S = 60
CHOICES_MAX = 500


class MineFilter(SimpleListFilter):
    """For those who see the posts of others."""

    title = _("ownership")
    parameter_name = "mine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Mine"))] if policy.may_edit_all_posts(request.user) else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.written_by(request.user.pk) if self.value() else queryset  # type: ignore[attr-defined]


class _SelectFilter(SimpleListFilter):
    """A select with a button: there may be hundreds of choices, read from the database once a minute."""

    template = "cms/admin/select_filter.html"
    field: str
    read: Callable[[], list[tuple[str, str]]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        key = f"admin:filter:{self.parameter_name}"
        return cache.get_or_set(key, self.read, CHOICES_KEPT_S) or []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        is_known = self.value() in [value for value, _ in self.lookup_choices]
        return queryset.filter(**{self.field: self.value()}) if is_known else queryset.none()

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the choices, and the other parameters of the list, which the form of this filter sends too."""
        others = [
            (name, value)
            for name, values in changelist.filter_params.items()
            if name not in (self.parameter_name, PAGE_VAR)
            for value in (values if isinstance(values, list) else [values])
        ]
        yield {"others": others, "value": self.value() or ""}


class AuthorFilter(_SelectFilter):
    title = _("author")
    parameter_name, field = "author", "author_id"

    @staticmethod
    def read() -> list[tuple[str, str]]:
        writers = User.objects.filter(deleted_at=None).exclude(role=Role.SUBSCRIBER)
        rows = writers.order_by(Lower("username")).only("pk", "username", "display_name")[:CHOICES_MAX]
        return [(str(user.pk), user.display_name or user.username) for user in rows]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return super().lookups(request, model_admin) if policy.may_edit_all_posts(request.user) else []


class TagFilter(_SelectFilter):
    """The tags that most posts have, by name; authors are offered those of posts that they may see."""

    title = _("tag")
    parameter_name, field = "tag", "tags"

    @staticmethod
    def read() -> list[tuple[str, str]]:
        return _most_used(Tag.objects.all())

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        if policy.may_edit_all_posts(request.user):
            return super().lookups(request, model_admin)
        return _most_used(Tag.objects.met_by(request.user, clock.now()))


def _most_used(tags: QuerySet[Tag]) -> list[tuple[str, str]]:
    rows = tags.order_by("-usage_count", "name").values_list("pk", "name")[:CHOICES_MAX]
    return sorted(((str(pk), name) for pk, name in rows), key=lambda one: one[1].casefold())


class CategoryFilter(_SelectFilter):
    title = _("category")
    parameter_name, field = "category", "categories"

    @staticmethod
    def read() -> list[tuple[str, str]]:
        active = Category.objects.filter(is_active=True)[:CHOICES_MAX]
        return [(str(category.pk), indented(category, depth)) for category, depth in in_tree_order(active)]
