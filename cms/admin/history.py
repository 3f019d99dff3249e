"""The history of a post on one page: who wrote what and when, what differs between any two, and the way back."""

from collections.abc import Iterable
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from cms import clock
from cms.admin.forms import whole_number
from cms.errors import NotFound, TooManyDrafts, TooMuchKept, translated
from cms.models import MediaFile, Post, PostRevision
from cms.services.restoring import restore_revision
from cms.services.revisions import FieldChange, changed_fields, list_revisions, turn_to_compare
from cms.text.diff import Piece, word_diff

SHOWN_MAX: Final = 100
_LABELS: Final[dict[str, Any]] = {"is_excerpt_derived": gettext_lazy("Excerpt made from the content")}


class HistoryMixin:
    """Addresses below a post's own, for those who may change it."""

    admin_site: Any
    _own_post: Any

    def get_urls(self) -> list[Any]:
        restore = require_POST(self.admin_site.admin_view(self.bring_back_view))
        return [
            path("<path:object_id>/revisions/<int:number>/restore/", restore, name="cms_post_bring_back"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def history_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the revisions, and the difference of the two that `from` and `to` name: else of the newest two."""
        post = self._own_post(request, object_id)
        revisions = list(
            list_revisions(actor=request.user, post=post).select_related("author").defer("snapshot")[: SHOWN_MAX + 1]
        )
        older, newer = _chosen(request, post, revisions)
        context = {
            **self.admin_site.each_context(request),
            "original": post,
            "title": post.title,
            "revisions": [(revision, shown_reason(revision)) for revision in revisions[:SHOWN_MAX]],
            "has_more": len(revisions) > SHOWN_MAX,
            "older": older,
            "newer": newer,
            "changes": _shown_changes(request, older, newer) if older and newer else [],
        }
        return render(request, "admin/cms/post/revisions.html", context)

    def bring_back_view(self, request: HttpRequest, object_id: str, number: int) -> HttpResponse:
        """Open an old revision in the form, as a draft. Readers notice nothing until it is saved."""
        post = self._own_post(request, object_id)
        try:
            draft = restore_revision(actor=request.user, post=post, number=number, now=clock.now())
        except NotFound as missing:
            raise Http404(translated(missing.message)) from missing
        except (TooManyDrafts, TooMuchKept) as refusal:
            messages.error(request, translated(refusal.message))
            return HttpResponseRedirect(reverse("admin:cms_post_revisions", args=[post.pk]))
        return HttpResponseRedirect(f"{reverse('admin:cms_post_change', args=[post.pk])}?draft={draft.number}")


def _chosen(
    request: HttpRequest, post: Post, revisions: list[PostRevision]
) -> tuple[PostRevision | None, PostRevision | None]:
    numbers = [revision.number for revision in revisions]
    newer = _asked(request, "to") or (numbers[0] if numbers else None)
    older = _asked(request, "from") or next((number for number in numbers if newer and number < newer), None)
    found = {
        revision.number: revision
        for revision in list_revisions(actor=request.user, post=post)
        .filter(number__in=[number for number in (older, newer) if number])
        .select_related("author")
    }
    for revision in found.values():
        revision.post = post
    return found.get(older or 0), found.get(newer or 0)


def _asked(request: HttpRequest, name: str) -> int | None:
    return whole_number(request.GET.get(name))


def _shown_changes(request: HttpRequest, older: PostRevision, newer: PostRevision) -> list[tuple[str, list[Piece]]]:
    changes = changed_fields(actor=request.user, older=older, newer=newer)
    names = _names_of_images(request, newer.post, changes)
    with turn_to_compare(changes):
        return [
            (label_of(change.field), word_diff(_text(change.before, names), _text(change.after, names)))
            for change in changes
        ]


def _names_of_images(request: HttpRequest, post: Post, changes: Iterable[FieldChange]) -> dict[str, str]:
    """Return the names of files that the reader may see, and of the one that the post has."""
    ids = {
        value for change in changes if change.field == "featured_image" for value in (change.before, change.after)
    } - {None}
    seen = MediaFile.objects.visible_to(request.user, clock.now()).filter(pk__in=ids)
    own = MediaFile.objects.filter(featured_in=post, pk__in=ids)
    return {str(pk): name for part in (seen, own) for pk, name in part.values_list("pk", "original_name")}


def label_of(field: str) -> str:
    """Return the name of a post's field."""
    shown: Any = Post._meta.get_field(field)
    return str(_LABELS.get(field) or capfirst(shown.verbose_name))


_REASONS: Final[dict[str, Any]] = {
    "created": gettext_lazy("created%(rest)s"),
    "updated": gettext_lazy("updated%(rest)s"),
    "restored from ": gettext_lazy("restored from %(rest)s"),
    "autosave of ": gettext_lazy("autosave of %(rest)s"),
    "repaired: ": gettext_lazy("repaired: %(rest)s"),
}


def shown_reason(revision: PostRevision) -> str:
    """Return why it was made: services store that in English."""
    for beginning, words in _REASONS.items():
        if revision.reason.startswith(beginning):
            return str(words) % {"rest": revision.reason.removeprefix(beginning)}
    return revision.reason


def _text(value: Any, names: dict[str, str]) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return names.get(str(value), str(value)) if value is not None else ""
