"""Comments: moderating them, as cards in a list that stays where it is."""

import datetime
import re
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.forms import Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.text import smart_split, unescape_string_literal
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.enums import ActionVariant

from cms import clock, policy
from cms.admin.dialogs import Change, button, for_selected
from cms.admin.filters import CommentStatusFilter
from cms.admin.forms import ServiceForm, shown_refusal
from cms.admin.moderation import cards_of, undoable
from cms.admin.options import DeletableAdmin, LightChangeList, within_words
from cms.admin.shown import Labelled
from cms.admin.status import COMMENT_COLOURS, COMMENT_STATES
from cms.choices import CommentStatus
from cms.errors import CmsError, CommentEdited
from cms.ids import parse_uuid
from cms.models import Comment, Post, User
from cms.policy import Actor
from cms.services.comments import ACTIONS, WAYS, create_comment, delete_comment, edit_comment, moderate_comment
from cms.services.moderation import undo_moderation


def _edition_read(request: HttpRequest, comment: Comment) -> str | None:
    """Return the edition on the page that was sent; None for a comment that only "select all" has named, unread.

    An empty one, of a page that an earlier release made, is that of a comment never edited.
    """
    is_unread = request.POST.get("select_across") == "1"
    on_change_page = request.GET.get("edition", None if is_unread else "")
    return request.POST.get(f"edition-{comment.pk}", on_change_page)


def _moderation(
    name: str, label: Any, done: Any, status: CommentStatus, icon: str, question: Any, **look: Any
) -> Change:
    def apply(request: HttpRequest, comment: Comment, now: datetime.datetime) -> None:
        edition = _edition_read(request, comment)
        moderate_comment(actor=request.user, comment=comment, status=status, now=now, edition=edition)

    return Change(name, label, done, apply, icon, question, has_undo=True, **look)


_published, _rejected, _lazy = CommentStatus.PUBLISHED, CommentStatus.REJECTED, gettext_lazy
_hides = _lazy("Only moderators see it. This can't be undone.")
APPROVE = _moderation(
    *("approve", _lazy("Approve"), _lazy("approved"), _published, "check", _lazy("Every reader of the post sees it.")),
    variant=ActionVariant.PRIMARY,
)
REJECT = _moderation("reject", _lazy("Reject"), _lazy("rejected"), _rejected, "block", _hides)
SPAM = _moderation("spam", _lazy("Mark as spam"), _lazy("marked as spam"), CommentStatus.SPAM, "report", _hides)
PENDING = _moderation(
    *("pending", _lazy("Back to pending"), _lazy("sent back to pending"), CommentStatus.PENDING, "hourglass_empty"),
    question=_lazy("Readers don't see it until it is approved again."),
)
CHANGES = {
    CommentStatus.PUBLISHED: APPROVE,
    CommentStatus.REJECTED: REJECT,
    CommentStatus.SPAM: SPAM,
    CommentStatus.PENDING: PENDING,
}
BY_NAME = {change.name: change for change in CHANGES.values()}
QUOTED: Final = re.compile(r"""(['"]).*\1""", re.DOTALL)
DONE = {ACTIONS[status]: change.done for status, change in CHANGES.items()}


class CommentChangeList(LightChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """Show the first page in place of one that is empty now: its last comment was decided."""
        try:
            super().get_results(request)
        except IncorrectLookupParameters:
            self.page_num = 1
            super().get_results(request)
        comments = list(self.result_list)
        self.result_list: list[Comment] = comments
        self.cards = cards_of(comments, CHANGES)
        [by_status] = [spec for spec in self.filter_specs if isinstance(spec, CommentStatusFilter)]
        self.status_tabs = list(by_status.choices(self))


class CommentForm(ServiceForm):
    """It remembers which text its moderator has read."""

    edition = forms.CharField(required=False, widget=forms.HiddenInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["edition"] = self.instance.edition


@admin.register(Comment)
class CommentAdmin(DeletableAdmin):
    form = CommentForm
    may_manage = staticmethod(policy.may_moderate)
    deletion = _lazy("The text is gone for good. Replies keep their place.")
    list_before_template = "cms/admin/moderation_top.html"
    list_display = ["shown_status", "writer"]
    list_filter = [CommentStatusFilter, "created_at"]
    list_select_related = ["post", "author"]
    list_per_page = 20
    search_fields = ["text"]  # opens the box; `get_search_results` looks at names and titles too
    search_help_text = gettext_lazy("Text, writer or title of the post")
    ordering = ["-pk"]  # ids grow with time, of imported comments too
    unlisted_fields = ("post__content", "post__content_html")
    actions = [*(for_selected(change) for change in CHANGES.values()), "delete_selected"]
    actions_detail = [change.name for change in CHANGES.values()]
    readonly_fields = ["post", "writer", "answers", "shown_status", "created_at", "edited_at"]
    fieldsets = (
        (None, {"fields": ["text", "edition"]}),
        (
            gettext_lazy("Post and status"),
            {"fields": ["post", "answers", ("writer", "shown_status"), ("created_at", "edited_at")]},
        ),
    )

    class Media:
        css = {"all": ["cms/moderation.css"]}
        js = [Script("cms/moderation.js", defer=True)]

    approve, reject, spam, pending = button(APPROVE), button(REJECT), button(SPAM), button(PENDING)

    @display(description=gettext_lazy("Status"), ordering="status", label=COMMENT_COLOURS)
    def shown_status(self, comment: Comment) -> Labelled:
        return Labelled(comment.status, COMMENT_STATES[comment.status])

    @display(description=gettext_lazy("Writer"), ordering="author__username")
    def writer(self, comment: Comment) -> str:
        return str(comment.author) if comment.author else _("%(name)s (guest)") % {"name": comment.author_name}

    @display(description=gettext_lazy("Reply to"))
    def answers(self, comment: Comment) -> str:
        """The comment it answers to, of which a deleted one has no text left."""
        return str(comment.parent) or _("a deleted comment") if comment.parent else "-"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Comment]:
        return super().get_queryset(request).visible_to(request.user, clock.now()).exclude(status=CommentStatus.DELETED)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look for writers and posts only where a comment's own text hasn't the word: a join reads all of them."""
        found = Q()
        for bit in smart_split(within_words(search_term)):
            word = unescape_string_literal(bit) if QUOTED.fullmatch(bit) else bit
            own = Q(text__icontains=word) | Q(author_name__icontains=word)
            writers, posts = User.objects.filter(username__icontains=word), Post.objects.filter(title__icontains=word)
            found &= own | Q(author__in=writers) | Q(post__in=posts)
        return queryset.filter(found), False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CommentChangeList]:
        return CommentChangeList

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        """Offer only the transitions allowed from the comment's status."""
        comment = self.get_object(request, str(object_id))
        ways = WAYS[CommentStatus(comment.status)] if comment else ()
        names = {CHANGES[way].name for way in ways if way in CHANGES}
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name.removeprefix("cms_comment_") in names]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """Let the buttons know which text the page shows. A form that is shown once more has the moderator's own."""
        edition = "" if request.method == "POST" else context["original"].edition
        for shown in context["actions_detail"]:
            shown["path"] += f"?edition={edition}"
        return super().render_change_form(request, context, **kwargs)

    def get_urls(self) -> list[Any]:
        decide, undo = (require_POST(self.admin_site.admin_view(view)) for view in (self.decide_view, self.undo_view))
        return [
            path("undo/", undo, name="cms_comment_undo"),
            path("<uuid:comment_id>/decide/", decide, name="cms_comment_decide"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"undoable": undoable(request, DONE, clock.now()), "list_query": request.GET.urlencode()}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def decide_view(self, request: HttpRequest, comment_id: Any) -> HttpResponse:
        """Do what a button of a card says, and lead back to the list as it was."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        comment = self.get_queryset(request).filter(pk=comment_id).select_related("post").first()
        if comment is None:
            raise Http404
        name = request.POST.get("change", "")
        try:
            if name == "reply":
                self._reply(request, comment)
            elif name in BY_NAME:
                BY_NAME[name].apply(request, comment, clock.now())
        except CmsError as refusal:
            if request.headers.get("X-Requested-With") == "fetch":  # the page stays, with what was typed
                status = 409 if isinstance(refusal, CommentEdited) else 422
                return HttpResponse(shown_refusal(refusal), content_type="text/plain", status=status)
            self.message_user(request, shown_refusal(refusal), messages.ERROR)
        return self._back_to_list(request)

    def _reply(self, request: HttpRequest, comment: Comment) -> None:
        """Answer in public; a pending comment is approved by it, or readers would see an answer to nothing."""
        text = request.POST.get(f"reply-{comment.pk}", "").strip().replace("\r\n", "\n")
        with transaction.atomic():
            if comment.status == CommentStatus.PENDING:
                APPROVE.apply(request, comment, clock.now())
            fields: Any = {"text": text, "parent": comment}
            create_comment(actor=request.user, post=comment.post, fields=fields, now=clock.now())
        self.message_user(request, _("Your reply was published."), messages.SUCCESS)

    def undo_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            wanted = self.get_queryset(request).in_bulk([*filter(parse_uuid, request.POST.getlist("comment"))])
            for comment in wanted.values():
                undo_moderation(actor=request.user, comment=comment, now=clock.now())
        except (CmsError, ValueError) as refusal:
            self.message_user(
                request, shown_refusal(refusal) if isinstance(refusal, CmsError) else str(refusal), messages.ERROR
            )
        return self._back_to_list(request)

    def _back_to_list(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(f"{reverse('admin:cms_comment_changelist')}?{request.GET.urlencode()}")

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        if "text" not in form.changed_data:
            return form.instance
        text, edition = form.cleaned_data["text"], form.cleaned_data["edition"]
        return edit_comment(actor=request.user, comment=form.instance, text=text, now=clock.now(), edition=edition)

    def delete(self, actor: Actor, row: Comment, now: datetime.datetime) -> None:
        delete_comment(actor=actor, comment=row, now=now)
