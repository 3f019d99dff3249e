"""What is only looked at: the audit trail, revisions, redirects, import records."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from cms import policy
from cms.admin.filters import ObjectTypeFilter
from cms.admin.options import ReadOnlyAdmin, instant_column
from cms.models import AuditEvent, ImportRecord, Post, PostRevision, Redirect


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    may_manage = staticmethod(policy.may_see_audit)
    list_display = ["happened", "action", "object_type", "object_id", "actor", "ip", "api_version"]
    list_filter = [ObjectTypeFilter, "created_at"]
    list_select_related = ["actor"]
    search_fields = ["object_id__exact", "request_id__exact", "action__startswith", "actor__username__iexact"]
    search_help_text = "Object or request id, beginning of an action, username"
    ordering = ["-created_at", "-pk"]
    fields = [
        "created_at",
        "action",
        "object_type",
        "object_id",
        "actor",
        "before",
        "after",
        "ip",
        "request_id",
        "api_version",
    ]

    happened = instant_column("created_at", "When")


def _old_value(name: str, label: str) -> Callable[[Any, PostRevision], str]:
    """What a revision holds of this field of its post."""

    @display(description=label)
    def value(model_admin: Any, revision: PostRevision) -> str:
        return revision.snapshot[name]

    return value


@admin.register(PostRevision)
class PostRevisionAdmin(ReadOnlyAdmin):
    may_manage = staticmethod(policy.may_write_posts)
    list_display = ["number", "post", "reason", "author", "written"]
    list_select_related = ["post", "author"]
    search_fields = ["post__title", "author__username"]
    ordering = ["-pk"]
    unlisted_fields = ("snapshot", "post__content", "post__content_html")
    fields = [
        "post",
        "number",
        "reason",
        "writer",
        "created_at",
        "old_title",
        "old_slug",
        "old_language",
        "old_content",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PostRevision]:
        of_own_posts = Post.objects.editable_by(request.user).values("pk")
        rows = super().get_queryset(request)
        return rows if policy.may_edit_all_posts(request.user) else rows.filter(post_id__in=of_own_posts)

    written = instant_column("created_at", "Written")

    @display(description="Author")
    def writer(self, revision: PostRevision) -> str:
        """Without Django's link to the user's page, which only admins open."""
        return str(revision.author or "-")

    old_title, old_slug = _old_value("title", "Title"), _old_value("slug", "Slug")
    old_language, old_content = _old_value("language", "Language"), _old_value("content", "Content")


@admin.register(Redirect)
class RedirectAdmin(ReadOnlyAdmin):
    may_manage = staticmethod(policy.may_edit_all_posts)
    list_display = ["old_path", "post", "made"]
    list_select_related = ["post"]
    search_fields = ["old_path", "post__title"]
    ordering = ["old_path"]
    unlisted_fields = ("post__content", "post__content_html")
    fields = ["old_path", "post", "created_at"]

    made = instant_column("created_at", "Made")


@admin.register(ImportRecord)
class ImportRecordAdmin(ReadOnlyAdmin):
    may_manage = staticmethod(policy.may_see_audit)
    list_display = ["external_id", "object_type", "source", "imported"]
    list_filter = ["created_at"]
    search_fields = ["external_id", "source", "object_id__exact"]
    ordering = ["-pk"]
    unlisted_fields = ("original",)
    fields = ["source", "object_type", "external_id", "object_id", "original", "digest", "created_at", "updated_at"]

    imported = instant_column("created_at", "Imported")
