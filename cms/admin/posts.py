"""Posts: writing them, and taking them from state to state."""

import datetime
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from cms import clock, limits, policy
from cms.admin.dialogs import Change, button, for_selected
from cms.admin.filters import KindFilter, LanguageFilter, StatusFilter
from cms.admin.forms import whole_number, with_plain_line_ends
from cms.admin.history import HistoryMixin, shown_reason
from cms.admin.looking import LookingMixin
from cms.admin.options import ServiceAdmin, instant_column, wide
from cms.admin.post_filters import AuthorFilter, CategoryFilter, MineFilter, TagFilter
from cms.admin.post_form import (
    PostForm,
    create_post_of,
    data_on_top_of,
    save_post,
    shown_conflict,
    with_merged_texts,
)
from cms.admin.shown import Labelled
from cms.admin.status import POST_COLOURS, POST_STATES, shown_status
from cms.admin.trash import PURGE, RESTORE, TrashMixin, undoable
from cms.admin.writing import WritingMixin, editor_config
from cms.choices import Status
from cms.errors import CmsError
from cms.models import Category, Post
from cms.search import find_posts, searching
from cms.services import post_states
from cms.services.drafts import SHOWN_MAX, end_drafts, find_draft, shown_drafts
from cms.services.merging import EditConflict, naming_ahead
from cms.services.prepared import beginning_again, prepared

PUBLISH = Change(
    name="publish",
    label=_("Publish"),
    done=_("published"),
    apply=lambda request, post, now: post_states.publish_post(actor=request.user, post=post, now=now),
    icon="publish",
)
UNPUBLISH = Change(
    name="unpublish",
    label=_("Unpublish"),
    done=_("unpublished"),
    apply=lambda request, post, now: post_states.unpublish_post(actor=request.user, post=post, now=now),
    icon="unpublished",
    question=_("The post goes back to draft, and a schedule is cancelled."),
)
ARCHIVE = Change(
    name="archive",
    label=_("Archive"),
    done=_("archived"),
    apply=lambda request, post, now: post_states.archive_post(actor=request.user, post=post, now=now),
    icon="archive",
    question=_("Readers no longer find the post; it stays here."),
)
TRASH = Change(
    name="trash",
    label=_("Move to trash"),
    done=_("moved to the trash"),
    apply=lambda request, post, now: post_states.trash_post(actor=request.user, post=post, now=now),
    icon="delete",
    question=_("The post can be restored from the trash to the state it has now."),
    variant=ActionVariant.DANGER,
)
TEXT_ROWS = {"content": 24, "excerpt": 4, "meta_description": 4}
CHANGES = (PUBLISH, UNPUBLISH, ARCHIVE, TRASH, RESTORE)
IN_LIST = (*CHANGES, PURGE)


@admin.register(Post)
class PostAdmin(TrashMixin, HistoryMixin, LookingMixin, WritingMixin, ServiceAdmin):
    form = PostForm
    warn_unsaved_form = False  # the form's own script warns
    may_manage = staticmethod(policy.may_write_posts)
    list_display = ["shown_title", "shown_status", "author", "language", "published", "changed"]
    list_filter = [
        *(MineFilter, StatusFilter, KindFilter, AuthorFilter, TagFilter, CategoryFilter, LanguageFilter),
        *("visibility", "published_at"),
    ]
    list_select_related = ["author"]
    search_fields = ["title"]  # opens the box; `get_search_results` reads all texts
    search_help_text = _("Words of title or text, slug or id")
    ordering = ["-created_at", "-pk"]
    unlisted_fields = ("content", "content_html")
    autocomplete_fields = ["categories", "co_authors", "featured_image"]
    actions = [for_selected(change) for change in IN_LIST]
    actions_detail = [*(change.name for change in CHANGES if change is not PUBLISH), "revisions", "purge"]
    readonly_fields = [
        *("shown_status", "writer", "published_at", "version_number", "minutes", "created_at", "updated_at"),
    ]
    writing = (None, {"classes": ["writing-text"], "fields": ["title", "content", "content_format"]})
    publishing = (_("Publication"), {"fields": ["publish_at", "visibility", "expires_at"]})
    state = (_("Publication"), {"fields": ["shown_status", *publishing[1]["fields"]]})
    presenting = (_("Address and summary"), {"fields": ["slug", "excerpt", "featured_image"]})
    filing = (_("Tags and categories"), {"fields": ["tags", "categories", "co_authors", "kind", "language"]})
    searching = (_("Search engines"), {"fields": ["meta_title", "meta_description"]})
    facts = (
        _("About this post"),
        {
            "fields": [
                *("writer", "published_at", "updated_at", "created_at", "minutes", "version_number"),
                *("version", "base_revision", "draft_state"),
            ]
        },
    )
    add_fieldsets = (writing, publishing, presenting, filing, searching)
    fieldsets = (writing, state, presenting, filing, searching, facts)

    published, changed = instant_column("published_at", _("Published")), instant_column("updated_at", _("Changed"))
    unpublish, archive, trash, restore = button(UNPUBLISH), button(ARCHIVE), button(TRASH), button(RESTORE)

    @action(description=_("Revisions"), icon="history", permissions=["view"])
    def revisions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.history_page(request, object_id)

    @action(description=PURGE.label, icon=PURGE.icon, permissions=["view"], variant=ActionVariant.DANGER)
    def purge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the page that asks first."""
        return HttpResponseRedirect(reverse("admin:cms_post_purge", args=[object_id]))

    @display(description=_("Title"), ordering="title")
    def shown_title(self, post: Post) -> str:
        return wide(post.title, post.language)

    @display(description=_("Status"), ordering="status", label=POST_COLOURS)
    def shown_status(self, post: Post) -> Labelled:
        state, _colour = shown_status(post, clock.now())
        return Labelled(state, POST_STATES[state])

    @display(description=_("Author"))
    def writer(self, post: Post) -> str:
        """Show the writer without Django's link to the user's page, which only admins open."""
        return str(post.author)

    @display(description=_("Reading time, minutes"))
    def minutes(self, post: Post) -> int:
        return post.reading_time_min

    @display(description=_("Version"))
    def version_number(self, post: Post) -> str:
        return str(post.version)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Post]:
        return super().get_queryset(request).editable_by(request.user)  # type: ignore[attr-defined]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method != "GET" or not request.GET.get(SEARCH_VAR, "").strip():
            return super().changelist_view(request, extra_context)
        with searching():
            response = super().changelist_view(request, extra_context)
            # The page is written inside, for that reads the rows.
            return response.render() if isinstance(response, TemplateResponse) else response

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the post with this slug or id, or all with these words: in the search index, or begun in the title."""
        term = search_term.strip()
        if not term:
            return queryset, False
        exact = queryset.with_slug_or_id(term)  # type: ignore[attr-defined]
        if exact.exists():
            return exact, False
        return find_posts(queryset, term), False  # type: ignore[arg-type]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in TEXT_ROWS:
            kwargs["widget"] = UnfoldAdminTextareaWidget(attrs={"rows": TEXT_ROWS[db_field.name]})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the visible categories: only those who manage categories see one that is off, on its posts too."""
        if db_field.name == "categories":
            kwargs["queryset"] = Category.objects.visible_to(request.user)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Post | None = None) -> Any:
        """Leave out the time of publication where nothing is left to publish."""
        fieldsets = super().get_fieldsets(request, obj)
        if _is_publishable(obj):
            return fieldsets
        return [
            (name, {**options, "fields": [field for field in options["fields"] if field != "publish_at"]})
            for name, options in fieldsets
        ]

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        """Offer only the transitions allowed from the post's state."""
        post = self.get_object(request, str(object_id))
        if post is None:
            return []
        names = {*_open_ways(post, clock.now()), "revisions"}
        if post.status == Status.TRASHED and policy.may_purge_posts(request.user):
            names.add(PURGE.name)
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name.removeprefix("cms_post_") in names]

    @beginning_again
    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        # Django saves the form in a transaction, and browsers send other line ends than the form takes.
        fields = {name: with_plain_line_ends(str(text)) for name, text in request.POST.items()}
        with prepared(fields), self._naming_ahead(request, object_id):
            return super().changeform_view(request, object_id, form_url, extra_context)

    def _naming_ahead(self, request: HttpRequest, object_id: str | None) -> AbstractContextManager[None]:
        number = whole_number(request.GET.get("draft"))
        if request.method != "POST" or object_id is None or number is None:
            return nullcontext()
        post: Post | None = self.get_object(request, object_id)
        return naming_ahead(post) if post and find_draft(request.user, post, number) else nullcontext()

    def prepare_again(self, request: HttpRequest, refusal: CmsError) -> None:
        if isinstance(refusal, EditConflict):
            request.POST = with_merged_texts(request.POST, refusal)  # type: ignore[assignment]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class = super().get_form(request, obj, change, **kwargs)
        number = whole_number(request.GET.get("draft"))
        form_class.draft = find_draft(request.user, obj, number) if obj and number else None
        return form_class

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Post | None = None, **kwargs: Any
    ) -> Any:
        conflict = getattr(request, "cms_refusal", None)
        if isinstance(conflict, EditConflict):
            context |= shown_conflict(context["adminform"].form, conflict)
        context["alt_text_max"] = limits.ALT_TEXT_MAX
        context["editor_config"] = editor_config(request, obj)
        drafts = shown_drafts(actor=request.user, post=obj) if obj else []
        context["drafts"] = [(draft, shown_reason(draft)) for draft in drafts[:SHOWN_MAX]]
        context["has_more_drafts"] = len(drafts) > SHOWN_MAX
        is_public = obj is not None and Post.objects.visible_to(AnonymousUser(), clock.now()).filter(pk=obj.pk).exists()
        if obj and is_public and settings.PUBLIC_POST_URL:
            context["public_address"] = settings.PUBLIC_POST_URL.replace("{slug}", obj.slug)
        context["is_publishable"] = _is_publishable(obj)
        context["is_trashed"] = obj is not None and obj.status == Status.TRASHED
        context["undoable"] = undoable(request, clock.now(), obj) if context["is_trashed"] else None
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Save what is on the screen, and publish just that if this button was pressed: both, or none of it."""
        now = clock.now()
        try:
            post = save_post(form, request.user, now) if change else create_post_of(form, request.user, now)
        except EditConflict as conflict:
            # The form is shown once more, on top of what the post has now, so that the next save succeeds.
            request.POST = data_on_top_of(form, request.POST, conflict)  # type: ignore[assignment]
            raise
        if change:
            end_drafts(actor=request.user, post=post, state=form.cleaned_data["draft_state"], shown=form.draft)
        if "_publish" not in request.POST:
            return post
        at = form.cleaned_data.get("publish_at")
        return post_states.publish_post(actor=request.user, post=post, now=now, published_at=at)

    def response_add(self, request: HttpRequest, obj: Post, post_url_continue: str | None = None) -> HttpResponse:
        return self._stay(request, obj)

    def response_change(self, request: HttpRequest, obj: Post) -> HttpResponse:
        return self._stay(request, obj)

    def _stay(self, request: HttpRequest, post: Post) -> HttpResponse:
        """Lead back to the form from each button: a writer who saves goes on writing."""
        self.message_user(request, _what_was_done(request, post), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:cms_post_change", args=[post.pk]))


def _what_was_done(request: HttpRequest, post: Post) -> str:
    if "_publish" not in request.POST:
        return gettext("“%(name)s” was saved.") % {"name": post}
    if not post.is_scheduled(clock.now()):
        return gettext("“%(name)s” was published.") % {"name": post}
    at = date_format(timezone.localtime(post.published_at), "SHORT_DATETIME_FORMAT")
    names = {"name": post, "at": at, "zone": timezone.get_current_timezone_name()}
    return gettext("“%(name)s” was scheduled for %(at)s %(zone)s.") % names


def _is_publishable(post: Post | None) -> bool:
    return post is None or PUBLISH.name in _open_ways(post, clock.now())


def _open_ways(post: Post, now: datetime.datetime) -> set[str]:
    if post.status == Status.TRASHED:
        return {RESTORE.name}
    by_target = {Status.PUBLISHED: PUBLISH, Status.ARCHIVED: ARCHIVE, Status.TRASHED: TRASH}
    names = {by_target[way].name for way in post_states.ways_from(post) if way in by_target}
    if post.status == Status.PUBLISHED:
        names |= {UNPUBLISH.name, PUBLISH.name} if post.is_scheduled(now) else {UNPUBLISH.name}
    return names | ({RESTORE.name} if post.status == Status.ARCHIVED else set())
