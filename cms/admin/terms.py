"""Tags and categories: making, merging and moving them."""

import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ORDER_VAR
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from cms import clock, policy
from cms.admin.category_moves import CategoryMovesMixin, handle_of
from cms.admin.dialogs import Change, Choice, change_selected, choose_target
from cms.admin.forms import ServiceForm, offer_derived_slug, shown_refusal
from cms.admin.options import DeletableAdmin, LightChangeList, instant_column
from cms.admin.trees import in_tree_order, indented, without_branch
from cms.errors import CmsError
from cms.models import Category, Tag
from cms.policy import Actor
from cms.services.categories import create_category, delete_category, update_category
from cms.services.tag_merging import merge_tags
from cms.services.tags import create_tag, delete_tag, update_tag

MERGED_MAX = 50
TOP = "top"


def _counted(tag: Tag) -> dict[str, Any]:
    return {"name": tag.name, "count": tag.usage_count}


class TermForm(ServiceForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_derived_slug(self, "name")


class TermAdmin(DeletableAdmin):
    form = TermForm
    may_manage = staticmethod(policy.may_manage_terms)
    search_fields = ["name", "slug"]
    ordering = ["name", "pk"]

    changed = instant_column("updated_at", _("Changed"))

    def has_suggest_permission(self, request: HttpRequest) -> bool:
        return policy.may_write_posts(request.user)


@admin.register(Tag)
class TagAdmin(TermAdmin):
    actions = ["merge_selected", "delete_selected"]
    deletion = _("Posts lose the tag and stay as they are otherwise. This can't be undone.")
    list_display = ["name", "slug", "usage_count", "changed"]
    readonly_fields = ["usage_count", "created_at", "updated_at"]
    add_fieldsets = ((None, {"fields": ["name", "slug", "description"]}),)
    fieldsets = (*add_fieldsets, (_("State"), {"fields": ["usage_count", ("created_at", "updated_at")]}))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        """Other forms suggest tags to authors."""
        return super().get_queryset(request).visible_to(request.user, clock.now())

    @admin.action(description=_("Merge into one tag"), permissions=["delete"])
    def merge_selected(self, request: HttpRequest, queryset: QuerySet[Tag]) -> HttpResponse | None:
        """Ask which one stays, then merge the others into it."""
        tags = list(queryset.order_by("-usage_count", "name")[: MERGED_MAX + 1])
        if not 2 <= len(tags) <= MERGED_MAX:
            sentence = _("Choose 2 to %(most)s tags to merge. Nothing was changed.")
            self.message_user(request, sentence % {"most": MERGED_MAX}, messages.ERROR)
            return None
        into = next((tag for tag in tags if str(tag.pk) == request.POST.get("target")), None)
        if into is None:
            choices = [(str(tag.pk), _("%(name)s (%(count)s posts)") % _counted(tag)) for tag in tags]
            question = _("The posts of all these tags get the one that stays. The others are deleted.")
            choice = Choice(_("Merge tags"), question, _("The tag that stays"), choices)
            return choose_target(self, request, tags, choice)
        try:
            merge_tags(actor=request.user, into=into, others=tags, now=clock.now())
        except CmsError as refusal:
            self.message_user(request, shown_refusal(refusal), messages.ERROR)
            return None
        count = len(tags) - 1
        merged = ngettext(
            "%(count)s tag was merged into “%(name)s”.", "%(count)s tags were merged into “%(name)s”.", count
        )
        self.message_user(request, merged % {"count": count, "name": into.name}, messages.SUCCESS)
        return None

    def create(self, actor: Actor, fields: Any, now: datetime.datetime) -> Tag:
        return create_tag(actor=actor, fields=fields, now=now)

    def update(self, actor: Actor, row: Tag, changes: Any, now: datetime.datetime) -> Tag:
        return update_tag(actor=actor, tag=row, changes=changes, now=now)

    def delete(self, actor: Actor, row: Tag, now: datetime.datetime) -> None:
        delete_tag(actor=actor, tag=row)


class CategoryChangeList(LightChangeList):
    """Categories as a tree, page by page, unless another order was asked for."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.params.get(ORDER_VAR):
            return
        tree = in_tree_order(self.queryset.select_related(None).only("name", "parent"))
        first = (self.page_num - 1) * self.list_per_page
        depths = {category.pk: depth for category, depth in tree[first : first + self.list_per_page]}
        found: dict[Any, Any] = self.queryset.in_bulk(depths)
        for pk, category in found.items():
            category.depth = depths[pk]
        self.result_list: list[Category] = [found[pk] for pk in depths if pk in found]


class CategoryForm(TermForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parent: Any = self.fields.get("parent")
        if parent:
            offered = without_branch(in_tree_order(parent.queryset), self.instance.pk)
            parent.choices = [("", "-"), *((row.pk, indented(row, depth)) for row, depth in offered)]


@admin.register(Category)
class CategoryAdmin(CategoryMovesMixin, TermAdmin):
    form = CategoryForm
    actions = ["move_selected", "delete_selected"]
    deletion = _("Categories with posts, or with categories below them, stay. This can't be undone.")
    list_display = ["shown_name", "slug", "post_count", "is_active", "changed"]
    list_display_links = None  # the name is one, beside its handle
    list_filter = ["is_active"]
    list_per_page = 100  # most trees in one piece
    list_select_related = ["parent"]
    readonly_fields = ["post_count", "created_at", "updated_at"]
    add_fieldsets = ((None, {"fields": ["name", "slug", "parent", "description", "is_active"]}),)
    fieldsets = (*add_fieldsets, (_("State"), {"fields": ["post_count", ("created_at", "updated_at")]}))

    @display(description=_("Name"), ordering="name")
    def shown_name(self, category: Any) -> str:
        steps = mark_safe('<span class="tree-step"></span>' * getattr(category, "depth", 0))  # noqa: S308 - no text
        link = format_html(
            '<a dir="auto" href="{}">{}</a>', reverse("admin:cms_category_change", args=[category.pk]), category.name
        )
        return format_html('<span class="tree-name">{}{}{}</span>', steps, handle_of(category), link)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CategoryChangeList]:
        return CategoryChangeList

    @admin.action(description=_("Move under…"), permissions=["change"])
    def move_selected(self, request: HttpRequest, queryset: QuerySet[Category]) -> HttpResponse | None:
        """Ask for the new parent, then move each by itself: a refusal stops none of the others."""
        target = request.POST.get("target")
        tree = in_tree_order(self.get_queryset(request))
        parents: dict[str, Category | None] = {TOP: None, **{str(row.pk): row for row, _depth in tree}}
        if target not in parents:
            for row in queryset:
                tree = without_branch(tree, row.pk)
            places = [(str(row.pk), indented(row, depth)) for row, depth in tree]
            choices = [(TOP, _("The top of the tree")), *places]
            question = _("Categories below them move with them.")
            choice = Choice(_("Move categories"), question, _("New parent"), choices)
            return choose_target(self, request, list(queryset), choice)

        def move(request: HttpRequest, row: Category, now: datetime.datetime) -> None:
            update_category(actor=request.user, category=row, changes={"parent": parents[target]}, now=now)

        change = Change("move", gettext("Move"), gettext("moved"), move, icon="")
        return change_selected(self, request, queryset, change)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        return super().get_queryset(request).visible_to(request.user)

    def create(self, actor: Actor, fields: Any, now: datetime.datetime) -> Category:
        return create_category(actor=actor, fields=fields, now=now)

    def update(self, actor: Actor, row: Category, changes: Any, now: datetime.datetime) -> Category:
        return update_category(actor=actor, category=row, changes=changes, now=now)

    def delete(self, actor: Actor, row: Category, now: datetime.datetime) -> None:
        delete_category(actor=actor, category=row)
