"""Moving a category in the tree that the list shows: by dragging it, or by choosing its new place."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Script
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from cms import clock
from cms.admin.forms import shown_refusal
from cms.admin.trees import in_tree_order, indented, without_branch
from cms.errors import CmsError, InvalidInput
from cms.ids import parse_uuid
from cms.models import Category
from cms.services.categories import MISSING_PARENT, update_category


def handle_of(category: Category) -> str:
    """Return the button that its row is dragged by; the script makes it visible."""
    return format_html(
        '<button type="button" class="tree-handle" data-category="{}" data-name="{}" data-move="{}" '
        'data-places="{}" aria-label="{}" hidden>'
        '<span class="material-symbols-outlined" aria-hidden="true">drag_indicator</span></button>',
        category.pk,
        category.name,
        reverse("admin:cms_category_move", args=[category.pk]),
        reverse("admin:cms_category_places", args=[category.pk]),
        gettext("Move %(name)s") % {"name": category.name},
    )


class CategoryMovesMixin:
    """Addresses below a category's own, for the script of the list. Without it, the list has its action."""

    admin_site: Any
    list_before_template = "cms/admin/category_top.html"

    class Media:
        css = {"all": ["cms/category-tree.css"]}
        js = [Script("cms/category-tree.js", defer=True)]

    def get_urls(self) -> list[Any]:
        move, places = require_POST(self.move_view), require_GET(self.places_view)
        return [
            path("<uuid:category_id>/move/", self.admin_site.admin_view(move), name="cms_category_move"),
            path("<uuid:category_id>/places/", self.admin_site.admin_view(places), name="cms_category_places"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def places_view(self, request: HttpRequest, category_id: Any) -> JsonResponse:
        """Return where the category may go, in the order of the tree, and where it is."""
        category, rows = self._found(request, category_id)
        tree = without_branch(in_tree_order(rows), category.pk)
        places = [{"id": str(row.pk), "name": indented(row, depth)} for row, depth in tree]
        return JsonResponse({"places": places, "parent": str(category.parent_id or "")})

    def move_view(self, request: HttpRequest, category_id: Any) -> JsonResponse:
        """Move the category below `parent`, or to the top where it is empty; return the parent that it had."""
        category, rows = self._found(request, category_id)
        former = str(category.parent_id or "")
        wanted = request.POST.get("parent", "")
        try:
            parent = rows.filter(pk__in=[parse_uuid(wanted)]).first() if wanted else None
            if wanted and parent is None:
                raise InvalidInput([MISSING_PARENT])
            update_category(actor=request.user, category=category, changes={"parent": parent}, now=clock.now())
        except CmsError as refusal:
            return JsonResponse({"message": shown_refusal(refusal)}, status=422)
        names = {"name": category.name, "parent": parent.name if parent else ""}
        words = _("“%(name)s” is below “%(parent)s” now.") if parent else _("“%(name)s” is at the top level now.")
        return JsonResponse({"message": words % names, "former": former})

    def _found(self, request: HttpRequest, category_id: Any) -> tuple[Category, QuerySet[Category]]:
        if not self.has_change_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        rows: QuerySet[Category] = self.get_queryset(request)  # type: ignore[attr-defined]
        category = rows.filter(pk=category_id).first()
        if category is None:
            raise Http404
        return category, rows
