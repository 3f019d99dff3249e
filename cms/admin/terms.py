"""Tags and categories."""

import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from cms import clock, policy
from cms.admin.forms import ServiceForm, offer_derived_slug
from cms.admin.options import DeletableAdmin, instant_column
from cms.models import Category, Tag
from cms.policy import Actor
from cms.services.categories import create_category, delete_category, update_category
from cms.services.tags import create_tag, delete_tag, update_tag


class TermForm(ServiceForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_derived_slug(self, "name")


class TermAdmin(DeletableAdmin):
    form = TermForm
    may_manage = staticmethod(policy.may_manage_terms)
    search_fields = ["name", "slug"]
    ordering = ["name", "pk"]

    changed = instant_column("updated_at", "Changed")

    def has_suggest_permission(self, request: HttpRequest) -> bool:
        return policy.may_write_posts(request.user)


@admin.register(Tag)
class TagAdmin(TermAdmin):
    list_display = ["name", "slug", "usage_count", "changed"]
    readonly_fields = ["usage_count", "created_at", "updated_at"]
    add_fieldsets = ((None, {"fields": ["name", "slug", "description"]}),)
    fieldsets = (*add_fieldsets, ("State", {"fields": ["usage_count", ("created_at", "updated_at")]}))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        """Other forms suggest tags to authors."""
        return super().get_queryset(request).visible_to(request.user, clock.now())

    def create(self, actor: Actor, fields: Any, now: datetime.datetime) -> Tag:
        return create_tag(actor=actor, fields=fields, now=now)

    def update(self, actor: Actor, row: Tag, changes: Any, now: datetime.datetime) -> Tag:
        return update_tag(actor=actor, tag=row, changes=changes, now=now)

    def delete(self, actor: Actor, row: Tag, now: datetime.datetime) -> None:
        delete_tag(actor=actor, tag=row)


@admin.register(Category)
class CategoryAdmin(TermAdmin):
    list_display = ["name", "parent", "slug", "post_count", "is_active", "changed"]
    list_filter = ["is_active"]
    list_select_related = ["parent"]
    autocomplete_fields = ["parent"]
    readonly_fields = ["post_count", "created_at", "updated_at"]
    add_fieldsets = ((None, {"fields": ["name", "slug", "parent", "description", "is_active"]}),)
    fieldsets = (*add_fieldsets, ("State", {"fields": ["post_count", ("created_at", "updated_at")]}))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        return super().get_queryset(request).visible_to(request.user)

    def create(self, actor: Actor, fields: Any, now: datetime.datetime) -> Category:
        return create_category(actor=actor, fields=fields, now=now)

    def update(self, actor: Actor, row: Category, changes: Any, now: datetime.datetime) -> Category:
        return update_category(actor=actor, category=row, changes=changes, now=now)

    def delete(self, actor: Actor, row: Category, now: datetime.datetime) -> None:
        delete_category(actor=actor, category=row)
