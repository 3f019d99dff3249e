"""Revisions: looking at them, comparing them, making drafts of them and applying these to their posts."""

import datetime
from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.enums import ActionVariant

from cms import policy
from cms.admin.dialogs import Change, button
from cms.admin.history import label_of, shown_reason
from cms.admin.options import ReadOnlyAdmin, instant_column, wide
from cms.admin.shown import Labelled
from cms.models import Post, PostRevision, User
from cms.search import find_posts, searching
from cms.services.restoring import apply_revision, restore_revision
from cms.services.revisions import FieldChange, compare_revisions, current_revision


def _restore(request: HttpRequest, revision: PostRevision, now: datetime.datetime) -> str:
    draft = restore_revision(actor=request.user, post=revision.post, number=revision.number, now=now)
    return gettext("restored as revision %(number)s, a draft") % {"number": draft.number}


def _apply(request: HttpRequest, revision: PostRevision, now: datetime.datetime) -> None:
    apply_revision(actor=request.user, post=revision.post, number=revision.number, now=now)


RESTORE = Change(
    name="restore",
    label=_("Restore as draft"),
    done=_("restored"),
    apply=_restore,
    icon="settings_backup_restore",
    question=_("This creates a draft from this revision. Readers see no change until you apply it."),
)
APPLY = Change(
    name="apply",
    label=_("Apply to the post"),
    done=_("applied to its post"),
    apply=_apply,
    icon="check",
    question=_("The post gets this content at once. If it is public, readers see it."),
    variant=ActionVariant.PRIMARY,
)
FOUND_MAX: Final = 1_000
"""Posts, and authors, whose revisions a search shows."""
TOO_MANY: Final = _("Many posts or authors match: you see the revisions of the newest %(count)s only.")


def _old_value(name: str, label: Any) -> Callable[[Any, PostRevision], str]:
    """Return a column with the value of this field of the post in a revision."""

    @display(description=label)
    def value(model_admin: Any, revision: PostRevision) -> str:
        return str(revision.snapshot.get(name, ""))  # a field may be younger than the revision

    return value


@admin.register(PostRevision)
class PostRevisionAdmin(ReadOnlyAdmin):
    may_manage = staticmethod(policy.may_write_posts)
    list_display = ["number", "shown_post", "kind", "made_for", "author", "written"]
    list_filter = ["is_draft"]
    linked_lookups = ("post__id__exact",)
    list_select_related = ["post", "author"]
    search_fields = ["post__title"]  # opens the box; `get_search_results` looks for posts and authors
    search_help_text = _("Words of the post's title or text, or an author's username")
    ordering = ["-pk"]
    unlisted_fields = ("snapshot", "post__content", "post__content_html")
    actions_detail = [RESTORE.name, APPLY.name]
    fields = [
        *("post", "number", "kind", "made_for", "writer", "created_at", "changes_since"),
        *("old_title", "old_slug", "old_language", "old_content"),
    ]

    written = instant_column("created_at", _("Written"))
    restore, apply = button(RESTORE), button(APPLY)
    old_title, old_slug = _old_value("title", _("Title")), _old_value("slug", _("Slug"))
    old_language, old_content = _old_value("language", _("Language")), _old_value("content", _("Content"))

    @display(description=_("Post"), ordering="post__title")
    def shown_post(self, revision: PostRevision) -> str:
        return wide(revision.post.title, revision.post.language)

    @display(description=_("Kind"), label={"draft": "info", "revision": "primary"})
    def kind(self, revision: PostRevision) -> Labelled:
        return Labelled("draft", gettext("draft")) if revision.is_draft else Labelled("revision", gettext("revision"))

    @display(description=_("Reason"), ordering="reason")
    def made_for(self, revision: PostRevision) -> str:
        return shown_reason(revision)

    @display(description=_("Author"))
    def writer(self, revision: PostRevision) -> str:
        """Show the writer without Django's link to the user's page, which only admins open."""
        return str(revision.author or "-")

    @display(description=_("From this revision to the current post"))
    def changes_since(self, revision: PostRevision) -> str:
        changes = compare_revisions(actor=policy.SYSTEM, older=revision, newer=current_revision(revision.post))
        rows = [(label_of(change.field), _as_text(change)) for change in changes]
        return format_html_join("", '<p>{}</p><pre class="whitespace-pre-wrap">{}</pre>', rows) or "-"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PostRevision]:
        return super().get_queryset(request).visible_to(request.user)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the newest posts and authors first: one statement for all joins every revision to both, then sorts."""
        term = search_term.strip()
        if not term:
            return queryset, False
        with searching():
            posts = _newest_ids(find_posts(Post.objects.editable_by(request.user), term))
        authors = _newest_ids(User.objects.filter(username__icontains=term))
        if max(len(posts), len(authors)) > FOUND_MAX:
            self.message_user(request, TOO_MANY % {"count": number_format(FOUND_MAX, force_grouping=True)})
        return queryset.filter(Q(post__in=posts[:FOUND_MAX]) | Q(author__in=authors[:FOUND_MAX])), False

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        """Offer to apply a draft, and to restore every other revision."""
        revision = self.get_object(request, str(object_id))
        if revision is None:
            return []
        name = APPLY.name if revision.is_draft else RESTORE.name
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name == f"cms_postrevision_{name}"]


def _newest_ids(rows: QuerySet[Any]) -> list[Any]:
    """Return at most one id more than a search shows, by which it knows of others."""
    return list(rows.order_by("-pk").values_list("pk", flat=True)[: FOUND_MAX + 1])


def _as_text(change: FieldChange) -> str:
    if change.diff is not None:
        return change.diff
    return f"- {change.before}\n+ {change.after}"
