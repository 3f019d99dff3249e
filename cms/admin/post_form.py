"""The form of a post. It remembers what its writer has read, so that two writers of one post lose nothing."""

import datetime
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.timezone import get_current_timezone_name, localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from cms import clock
from cms.admin.forms import ServiceForm, TagNamesField, offer_derived_slug, whole_number
from cms.errors import translated
from cms.models import Category, Post, PostRevision
from cms.policy import Actor
from cms.services.drafts import KEPT, base_of_draft, state_of_draft
from cms.services.merging import (
    COLLECTIONS,
    IN_REVISIONS,
    EditConflict,
    Read,
    merge_post,
    newest_revision_number,
    read_revision,
)
from cms.services.post_media import NO_SUCH_IMAGE
from cms.services.posts import create_post, update_post

REMEMBERED: Final = ("kind", "visibility", "expires_at", *COLLECTIONS)
"""Fields that no revision holds: the page itself carries what they were, as Django's hidden initial values."""


TEXTS: Final = ("title", "content", "excerpt", "meta_title", "meta_description")
"""In the language of the post, which need not be that of the page."""
NOT_OF_THE_POST: Final = ("version", "base_revision", "draft_state", "publish_at")


class PostForm(ServiceForm):
    draft: PostRevision | None = None
    """The draft whose texts the form shows first; `PostAdmin` sets it."""
    tags = TagNamesField(
        label=_("Tags"), required=False, help_text=_("Type to find or create a tag; Enter or a comma adds it.")
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    base_revision = forms.IntegerField(required=False, widget=forms.HiddenInput)
    # Without "off", some browsers would fill in the state that an earlier page had.
    draft_state = forms.CharField(required=False, widget=forms.HiddenInput(attrs={"autocomplete": "off"}))
    publish_at = forms.DateTimeField(
        label=_("Publish at"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_derived_slug(self, "title")
        if publish_at := self.fields.get("publish_at"):
            self._show_schedule(publish_at)
        if excerpt := self.fields.get("excerpt"):
            excerpt.help_text = gettext("Empty: the beginning of the content.")
        categories = None if self.instance._state.adding else self.fields.get("categories")
        if isinstance(categories, forms.ModelMultipleChoiceField):
            rows = Category.objects.none() if categories.queryset is None else categories.queryset
            shown = set(rows.filter(posts=self.instance.pk).values_list("pk", flat=True))
            self.initial["categories"] = [row for row in self.initial.get("categories", ()) if row.pk in shown]
        if co_authors := self.fields.get("co_authors"):
            co_authors.label = gettext("Co-authors")
        for name in REMEMBERED:
            if field := self.fields.get(name):
                field.show_hidden_initial = True
        self._say_alike_of_images()
        self._name_language()
        self.read: dict[str, Any] | None = None
        """The content that the writer has read; None when the form does not say."""
        if not self.is_bound and "base_revision" in self.fields:
            self.initial["base_revision"] = newest_revision_number(self.instance)
            if self.draft:
                self._begin_with(self.draft)
        elif number := whole_number(self.data.get("base_revision")):
            self.read = read_revision(self.instance, number)
            # Django compares with these: a field has changed when it is not what the writer has read.
            self.initial.update({name: value for name, value in (self.read or {}).items() if name in IN_REVISIONS})

    def _say_alike_of_images(self) -> None:
        """Answer for a file that is missing as the service does for one that is hidden."""
        if image := self.fields.get("featured_image"):
            image.error_messages["invalid_choice"] = translated(NO_SUCH_IMAGE)

    def _name_language(self) -> None:
        """Tell browsers the language of a written post's texts: they check the spelling by it."""
        for name in TEXTS if self.instance.pk else ():
            if field := self.fields.get(name):
                field.widget.attrs["lang"] = self.instance.language

    def _show_schedule(self, publish_at: forms.Field) -> None:
        zone = get_current_timezone_name()
        publish_at.help_text = gettext("In %(zone)s. Empty: at once. A future time schedules the post.") % {
            "zone": zone
        }
        publish_at.widget.attrs["data-zone"] = zone
        if self.instance.is_scheduled(clock.now()):
            self.initial["publish_at"] = f"{localtime(self.instance.published_at):%Y-%m-%dT%H:%M}"

    def _begin_with(self, draft: PostRevision) -> None:
        """Show the texts of a draft. Saving merges them with what others have saved since the draft was begun."""
        self.initial.update({name: draft.snapshot[name] for name in KEPT if name in draft.snapshot})
        self.initial["draft_state"] = state_of_draft(draft)
        base = base_of_draft(draft)
        if base and base != self.initial["base_revision"]:
            self.initial.update(base_revision=base, version=0)

    def is_multipart(self) -> bool:
        """Say yes without a file: a long text that is percent-encoded takes many times its size."""
        return True

    def base_of(self, name: str) -> Any:
        """Return what the writer has read in this field."""
        if name not in REMEMBERED:
            return self.initial.get(name)
        field, bound = self.fields[name], self[name]
        widget = field.hidden_widget()
        value = widget.value_from_datadict(self.data, self.files, bound.html_initial_name)
        if name in COLLECTIONS:
            return value or []
        try:
            return field.clean(value)
        except forms.ValidationError:  # the page did not say
            return self.initial.get(name)


def create_post_of(form: PostForm, actor: Actor, now: datetime.datetime) -> Post:
    return create_post(actor=actor, fields=_changes(form), now=now)


def save_post(form: PostForm, actor: Actor, now: datetime.datetime) -> Post:
    """Save what the writer has changed.

    Raises EditConflict, or VersionConflict when the form does not name what was read.
    """
    post, changes = form.instance, _changes(form)
    if not changes:
        return post
    version = post.version if form.cleaned_data["version"] is None else form.cleaned_data["version"]
    if form.read is None:
        return update_post(actor=actor, post=post, changes=changes, now=now, expected_version=version)
    read = Read(version, {name: form.base_of(name) for name in changes}, form.draft)
    return merge_post(actor=actor, post=post, changes=changes, read=read, now=now)


def _changes(form: PostForm) -> Any:
    """Return the fields that the writer has changed, as the service takes them."""
    changed = {name: form.cleaned_data[name] for name in form.changed_data if name not in NOT_OF_THE_POST}
    return {name: list(value) if name in COLLECTIONS else value for name, value in changed.items()}


def data_on_top_of(form: PostForm, sent: QueryDict, conflict: EditConflict) -> QueryDict:
    """Return what was sent, as if its writer had read the post as it is now. `with_merged_texts` does the rest."""
    data = sent.copy()
    fresh = type(form)(instance=conflict.post)
    for bound in fresh:
        if bound.name in COLLECTIONS and bound.name in conflict.changes:
            _put(data, fresh, bound.name, conflict.changes[bound.name])  # type: ignore[literal-required]
        elif bound.name not in conflict.changes and bound.name != "draft_state":
            _put(data, fresh, bound.name, bound.value())
        if bound.field.show_hidden_initial:
            _put(data, fresh, bound.name, bound.value(), html_name=bound.html_initial_name)
    return data


def with_merged_texts(sent: QueryDict, conflict: EditConflict) -> QueryDict:
    """Return what was sent with both changes of each text. For outside the transaction: it may take a second."""
    data = sent.copy()
    for one in conflict.conflicts:
        if one.merge:
            data[one.field] = one.merge.text
    return data


def shown_conflict(form: PostForm, conflict: EditConflict) -> dict[str, Any]:
    """Return what the template shows of a conflict: who else wrote, and all sides of each field."""
    newest = conflict.post.revisions.filter(is_draft=False).select_related("author").order_by("-number").first()
    shown = [(form.fields[one.field].label, one) for one in conflict.conflicts]
    return {"conflicts": shown, "other_writer": (newest and newest.author) or gettext("Somebody")}


def _put(data: QueryDict, form: PostForm, name: str, value: Any, html_name: str = "") -> None:
    field = form.fields[name]
    html_name, prepared = html_name or name, field.prepare_value(value)
    if isinstance(field.widget, forms.MultiWidget):
        for index, (part, widget) in enumerate(
            zip(field.widget.decompress(value) or (), field.widget.widgets, strict=True)
        ):
            data[f"{html_name}_{index}"] = "" if part is None else widget.format_value(part)
    elif isinstance(prepared, list | tuple):
        data.setlist(html_name, [str(item) for item in prepared])
    else:
        data[html_name] = "" if prepared is None else str(prepared)
