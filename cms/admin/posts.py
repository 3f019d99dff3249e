"""Posts: writing them, and taking them from state to state."""

import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from cms import policy
from cms.admin.dialogs import Change, button, for_selected
from cms.admin.filters import KindFilter, LanguageFilter, StatusFilter
from cms.admin.forms import ServiceForm, TagNamesField, offer_derived_slug
from cms.admin.options import ServiceAdmin, instant_column, wide
from cms.admin.status import POST_COLOURS, shown_status
from cms.choices import Status
from cms.models import Category, Post
from cms.policy import Actor
from cms.services import post_states
from cms.services.posts import create_post, update_post
from cms.services.prepared import prepared


class PublishForm(BaseDialogForm):  # type: ignore[misc]
    published_at = forms.DateTimeField(
        label="Publish at",
        required=False,
        help_text="In UTC. Empty: at once. A time still to come schedules the post.",
        # The browser's own picker: Django's is set up when a page loads, and this form comes later.
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
    )


def _publish(
    request: HttpRequest, post: Post, now: datetime.datetime, published_at: datetime.datetime | None = None
) -> str:
    post = post_states.publish_post(actor=request.user, post=post, now=now, published_at=published_at)
    return f"scheduled for {post.published_at:%Y-%m-%d %H:%M} UTC" if post.is_scheduled(now) else "published"


PUBLISH = Change(
    "publish", "Publish", "published", _publish, "publish", variant=ActionVariant.PRIMARY, form=PublishForm
)
UNPUBLISH = Change(
    name="unpublish",
    label="Unpublish",
    done="unpublished",
    apply=lambda request, post, now: post_states.unpublish_post(actor=request.user, post=post, now=now),
    icon="unpublished",
    question="The post goes back to draft, and a schedule is cancelled.",
)
ARCHIVE = Change(
    name="archive",
    label="Archive",
    done="archived",
    apply=lambda request, post, now: post_states.archive_post(actor=request.user, post=post, now=now),
    icon="archive",
    question="Readers don't find the post any more; it stays here.",
)
TRASH = Change(
    name="trash",
    label="Move to trash",
    done="moved to the trash",
    apply=lambda request, post, now: post_states.trash_post(actor=request.user, post=post, now=now),
    icon="delete",
    question="The post can be restored from the trash to the state it has now.",
    variant=ActionVariant.DANGER,
)
RESTORE = Change(
    name="restore",
    label="Restore",
    done="restored",
    apply=lambda request, post, now: post_states.restore_post(actor=request.user, post=post, now=now),
    icon="restore_from_trash",
    question="A trashed post gets the state back that it had, an archived one becomes a draft.",
)
TEXT_ROWS = {"content": 24, "excerpt": 4, "meta_description": 3}
CHANGES = (PUBLISH, UNPUBLISH, ARCHIVE, TRASH, RESTORE)


class PostForm(ServiceForm):
    tags = TagNamesField(required=False, help_text="Type to find or to make one; Enter or a comma takes it.")
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_derived_slug(self, "title")
        if excerpt := self.fields.get("excerpt"):
            excerpt.help_text = "Empty: the beginning of the content."
        if isinstance(categories := self.fields.get("categories"), forms.ModelMultipleChoiceField):
            rows = Category.objects.none() if categories.queryset is None else categories.queryset
            shown = set(rows.filter(posts=self.instance.pk).values_list("pk", flat=True))
            self.initial["categories"] = [row for row in self.initial.get("categories", ()) if row.pk in shown]
        if co_authors := self.fields.get("co_authors"):
            co_authors.label = "Co-authors"


@admin.register(Post)
class PostAdmin(ServiceAdmin):
    form = PostForm
    may_manage = staticmethod(policy.may_write_posts)
    list_display = ["shown_title", "shown_status", "author", "language", "published", "changed"]
    list_filter = [StatusFilter, KindFilter, LanguageFilter, "visibility", "published_at"]
    list_select_related = ["author"]
    search_fields = ["title", "slug", "author__username"]
    search_help_text = "Title, slug or author"
    ordering = ["-created_at", "-pk"]
    unlisted_fields = ("content", "content_html")
    autocomplete_fields = ["categories", "co_authors", "featured_image"]
    actions = [for_selected(change) for change in CHANGES]
    actions_detail = [*(change.name for change in CHANGES), "revisions"]
    readonly_fields = [
        *("shown_status", "writer", "published_at", "version_number", "minutes", "created_at", "updated_at"),
    ]
    writing = (None, {"fields": ["title", "slug", "content", "content_format", "excerpt", "featured_image"]})
    filing = ("Filed under", {"fields": ["tags", "categories", "co_authors", ("kind", "language")]})
    reading = ("Who may read it", {"fields": ["visibility", "expires_at"]})
    searching = ("Search engines", {"fields": ["meta_title", "meta_description"]})
    facts = (
        "State",
        {
            "fields": [
                *(("shown_status", "published_at"), ("writer", "minutes"), ("version_number", "updated_at")),
                *("created_at", "version"),
            ]
        },
    )
    add_fieldsets = (writing, filing, reading, searching)
    fieldsets = (writing, filing, reading, searching, facts)

    published, changed = instant_column("published_at", "Published"), instant_column("updated_at", "Changed")
    publish, unpublish, archive = button(PUBLISH), button(UNPUBLISH), button(ARCHIVE)
    trash, restore = button(TRASH), button(RESTORE)

    @action(description="Revisions", icon="history", permissions=["view"])
    def revisions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A link and no more: it changes nothing."""
        return HttpResponseRedirect(f"{reverse('admin:cms_postrevision_changelist')}?post__id__exact={object_id}")

    @display(description="Title", ordering="title")
    def shown_title(self, post: Post) -> str:
        return wide(post.title)

    @display(description="Status", ordering="status", label=POST_COLOURS)
    def shown_status(self, post: Post) -> str:
        return shown_status(post, timezone.now())[0]

    @display(description="Author")
    def writer(self, post: Post) -> str:
        """Without Django's link to the user's page, which only admins open."""
        return str(post.author)

    @display(description="Reading time, minutes")
    def minutes(self, post: Post) -> int:
        return post.reading_time_min

    @display(description="Version")
    def version_number(self, post: Post) -> str:
        return str(post.version)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Post]:
        return super().get_queryset(request).editable_by(request.user)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in TEXT_ROWS:
            kwargs["widget"] = UnfoldAdminTextareaWidget(attrs={"rows": TEXT_ROWS[db_field.name]})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A category that is switched off is shown to those alone who manage them, on posts that are filed there too."""
        if db_field.name == "categories":
            kwargs["queryset"] = Category.objects.visible_to(request.user)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        """Only the ways that lead on from the post's state."""
        post = self.get_object(request, str(object_id))
        if post is None:
            return []
        names = {*_open_ways(post, timezone.now()), "revisions"}
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name.removeprefix("cms_post_") in names]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        with prepared(request.POST):  # Django saves the form in a transaction
            return super().changeform_view(request, object_id, form_url, extra_context)

    def create(self, actor: Actor, fields: dict[str, Any], now: datetime.datetime) -> Post:
        return create_post(actor=actor, fields=_for_service(fields), now=now)

    def update(self, actor: Actor, row: Post, changes: dict[str, Any], now: datetime.datetime) -> Post:
        # As with If-Match: who saves over what another has changed meanwhile would undo it without knowing.
        version_read = changes.pop("version", row.version)
        return update_post(actor=actor, post=row, changes=_for_service(changes), now=now, expected_version=version_read)


def _open_ways(post: Post, now: datetime.datetime) -> set[str]:
    if post.status == Status.TRASHED:
        return {RESTORE.name}
    by_target = {Status.PUBLISHED: PUBLISH, Status.ARCHIVED: ARCHIVE, Status.TRASHED: TRASH}
    names = {by_target[way].name for way in post_states.ways_from(post) if way in by_target}
    if post.status == Status.PUBLISHED:
        names |= {UNPUBLISH.name, PUBLISH.name} if post.is_scheduled(now) else {UNPUBLISH.name}
    return names | ({RESTORE.name} if post.status == Status.ARCHIVED else set())


def _for_service(values: dict[str, Any]) -> Any:
    lists = ("categories", "co_authors")
    return {name: list(value) if name in lists else value for name, value in values.items()}
