"""The trash of the list of posts: Undo after a move to it, restoring, and deleting for ever."""

import datetime
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast

from django.contrib import messages
from django.contrib.admin.options import ActionLocation
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, Value
from django.forms import Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.enums import ActionVariant

from cms import clock, policy
from cms.admin.dialogs import Change, apply_to_each, ask_first, is_confirmed
from cms.admin.forms import shown_refusal
from cms.choices import CommentStatus, Status
from cms.errors import NothingToUndo
from cms.models import AuditEvent, Comment, Post
from cms.services.moderation import UNDO_WITHIN
from cms.services.post_states import restore_post
from cms.services.trash import last_trashed, purge_post, undo_trash

UNDO_SHOWN: Final = datetime.timedelta(seconds=10)
QUERY: Final = "state=trashed&kind=all"


def _lost_with(posts: QuerySet[Any]) -> str:
    comments = Comment.objects.filter(post__in=posts.order_by().values("pk")).exclude(status=CommentStatus.DELETED)
    count = comments.count()
    if not count:
        return gettext("No comments are deleted.")
    words = ngettext("%(count)s comment is deleted too.", "%(count)s comments are deleted too.", count)
    return words % {"count": count}


RESTORE: Final = Change(
    name="restore",
    label=_("Restore"),
    done=_("restored"),
    apply=lambda request, post, now: restore_post(actor=request.user, post=post, now=now),
    icon="restore_from_trash",
    question=_("A trashed post returns to its earlier state. An archived post becomes a draft."),
)
PURGE: Final = Change(
    name="purge",
    label=_("Delete for ever"),
    done=_("deleted for ever"),
    apply=lambda request, post, now: purge_post(actor=request.user, post=post, now=now),
    icon="delete_forever",
    question=_("Texts, revisions and old addresses are gone for good. Pictures and files stay in the library."),
    variant=ActionVariant.DANGER,
    losses=_lost_with,
)
UNDO: Final = Change(
    name="undo_trash",
    label=_("Undo"),
    done=_("restored"),
    apply=lambda request, post, now: undo_trash(actor=request.user, post=post, now=now),
    icon="undo",
)


class Undoable(NamedTuple):
    sentence: str
    event: AuditEvent
    left_ms: int


def undoable(request: HttpRequest, now: datetime.datetime, post: Post | None = None) -> Undoable | None:
    """Return the user's move to the trash of the last seconds; for the page of one post only if it moved that one."""
    moves = last_trashed(actor=request.user, since=now - UNDO_SHOWN)
    if not moves or (post and post.pk not in [event.object_id for event in moves]):
        return None
    count = len(moves)
    words = ngettext("%(count)s post was moved to the trash.", "%(count)s posts were moved to the trash.", count)
    left = UNDO_SHOWN - (now - moves[0].created_at)
    return Undoable(words % {"count": count}, moves[0], int(left.total_seconds() * 1000))


def is_trash(request: HttpRequest) -> bool:
    """Whether the list shows the trash alone."""
    return request.GET.get("state") == Status.TRASHED


class TrashMixin:
    """The pages of posts, with the trash as a list of its own."""

    admin_site: Any
    list_before_template = "cms/admin/trash_top.html"

    class Media:
        js: Final = [Script("cms/undo.js", defer=True)]

    @display(description=_("In the trash"))
    def ways_out(self, post: Any) -> str:
        """Show buttons of the list's own form, which has the token; they lead back to the list."""
        restore = reverse("admin:cms_post_bring_out", args=[post.pk])
        button = format_html('<button formaction="{}">{}</button>', restore, RESTORE.label)
        if not post.may_be_purged:
            return format_html('<span class="trash-ways">{}</span>', button)
        end = reverse("admin:cms_post_purge", args=[post.pk])
        return format_html('<span class="trash-ways">{} <a href="{}">{}</a></span>', button, end, PURGE.label)

    def get_list_display(self, request: HttpRequest) -> Sequence[Any]:
        columns = list(super().get_list_display(request))  # type: ignore[misc]
        return [columns[0], "ways_out", *columns[2:]] if is_trash(request) else columns

    def get_actions(
        self, request: HttpRequest, action_location: ActionLocation = ActionLocation.CHANGE_LIST
    ) -> dict[str, Any]:
        """Offer in the trash what leads out of it; the end only to those who may, and nowhere else."""
        actions: dict[str, Any] = super().get_actions(request, action_location)  # type: ignore[misc]
        out = {f"{RESTORE.name}_selected", f"{PURGE.name}_selected"}
        if not is_trash(request):
            out = actions.keys() - {f"{PURGE.name}_selected"}
        elif not policy.may_purge_posts(request.user):
            out.discard(f"{PURGE.name}_selected")
        return {name: action for name, action in actions.items() if name in out}

    def get_urls(self) -> list[Any]:
        bring_out, undo = (
            require_POST(self.admin_site.admin_view(view)) for view in (self.bring_out_view, self.undo_trash_view)
        )
        purge = self.admin_site.admin_view(self.purge_view)
        return [
            path("undo-trash/", undo, name="cms_post_undo_trash"),
            path("<uuid:post_id>/bring-out/", bring_out, name="cms_post_bring_out"),
            path("<uuid:post_id>/purge/", purge, name="cms_post_purge"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"undoable": undoable(request, clock.now()), "is_trash": is_trash(request), "trash_query": QUERY}
        return super().changelist_view(  # type: ignore[misc]
            request, {**context, **(extra_context or {})}
        )

    def bring_out_view(self, request: HttpRequest, post_id: Any) -> HttpResponse:
        apply_to_each(self, request, self._one(request, post_id), RESTORE)
        return HttpResponseRedirect(_trash_url())

    def undo_trash_view(self, request: HttpRequest) -> HttpResponse:
        """Take back the move that the page has shown: all that one request moved."""
        moves = last_trashed(actor=request.user, since=clock.now() - UNDO_WITHIN)
        ids = [event.object_id for event in moves if str(moves[0].pk) == request.POST.get("event")]
        if ids:
            apply_to_each(self, request, self.get_queryset(request).filter(pk__in=ids), UNDO)
        else:
            messages.error(request, shown_refusal(NothingToUndo()))
        if len(ids) == 1 and "from_form" in request.POST:
            return HttpResponseRedirect(reverse("admin:cms_post_change", args=ids))
        return HttpResponseRedirect(f"{reverse('admin:cms_post_changelist')}?{request.GET.urlencode()}")

    def purge_view(self, request: HttpRequest, post_id: Any) -> HttpResponse:
        """Name the post and what goes with it, then delete it."""
        if not policy.may_purge_posts(request.user):
            raise PermissionDenied
        posts = self._one(request, post_id)
        if request.method != "POST" or not is_confirmed(request, posts, PURGE):
            return cast("HttpResponse", ask_first(self, request, posts, PURGE, back=_trash_url()))
        apply_to_each(self, request, posts, PURGE)
        return HttpResponseRedirect(_trash_url())

    def get_queryset(self, request: HttpRequest) -> QuerySet[Post]:
        rows: QuerySet[Post] = super().get_queryset(request)  # type: ignore[misc]
        return rows.annotate(may_be_purged=Value(policy.may_purge_posts(request.user))) if is_trash(request) else rows

    def _one(self, request: HttpRequest, post_id: Any) -> QuerySet[Post]:
        posts: QuerySet[Post] = self.get_queryset(request).filter(pk=post_id).defer("content", "content_html")
        if not posts.exists():
            raise Http404
        return posts


def _trash_url() -> str:
    return f"{reverse('admin:cms_post_changelist')}?{QUERY}"
