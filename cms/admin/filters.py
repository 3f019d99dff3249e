"""Filters of the lists, each answered without reading a whole table."""

from typing import Any

from django.conf.locale import LANG_INFO
from django.contrib.admin import SimpleListFilter
from django.core.cache import cache
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cms import clock, policy
from cms.admin.status import POST_STATES
from cms.choices import CommentStatus, Kind, Status
from cms.models import Post

LANGUAGES_KEPT_S = 60
LANGUAGES_MAX = 200


class _DefaultingFilter(SimpleListFilter):
    """A filter that narrows the list from the start: its first choice stands for no parameter at all."""

    first_choice: Any

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": self.first_choice}
        yield from others


class KindFilter(_DefaultingFilter):
    """Posts at first: with the kind given, the index by creation orders the list."""

    title = _("kind")
    parameter_name = "kind"
    first_choice = _("Posts")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("page", _("Pages")), ("all", _("Posts and pages"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(kind=Kind.PAGE if self.value() == "page" else Kind.POST)


class StatusFilter(_DefaultingFilter):
    title = _("status")
    parameter_name = "state"
    first_choice = _("All except trash")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, capfirst(name)) for state, name in POST_STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now, live = clock.now(), queryset.filter(status=Status.PUBLISHED)
        match self.value():
            case None:
                return queryset.exclude(status=Status.TRASHED)
            case "scheduled":
                return live.filter(published_at__gt=now)
            case "published":
                return live.filter(published_at__lte=now).exclude(expires_at__lte=now)
            case "expired":
                return live.filter(expires_at__lte=now)
            case state:
                return queryset.filter(status=state)


class CommentStatusFilter(_DefaultingFilter):
    """Pending comments at first: the list is a moderator's work."""

    title = _("status")
    parameter_name = "status__exact"
    first_choice = _("Pending")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            (CommentStatus.PUBLISHED.value, _("Approved")),
            (CommentStatus.REJECTED.value, _("Rejected")),
            (CommentStatus.SPAM.value, _("Spam")),
            ("all", _("All")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(status=self.value() or CommentStatus.PENDING)

    def value(self) -> str | None:
        """Return None for pending ones, also by name: links from before say so."""
        given = super().value()
        return None if given == CommentStatus.PENDING else given


class LanguageFilter(SimpleListFilter):
    """The languages that most posts are in, among all posts asked for once a minute: no index has them.

    Authors are offered those of their own posts: a language may be all that others know of a draft.
    """

    title = _("language")
    parameter_name = "language"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        if policy.may_edit_all_posts(request.user):
            languages = cache.get_or_set("admin:languages", self._languages, LANGUAGES_KEPT_S) or []
        else:
            languages = self._languages(Post.objects.editable_by(request.user))
        return [(language, _language_name(language)) for language in languages]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(language=self.value()) if self.value() else queryset

    @staticmethod
    def _languages(posts: QuerySet[Post] | None = None) -> list[str]:
        rows = Post.objects.all() if posts is None else posts
        counted = rows.order_by().values("language").annotate(posts=Count("pk")).order_by("-posts", "language")
        return sorted(counted.values_list("language", flat=True)[:LANGUAGES_MAX])


def _language_name(code: str) -> str:
    """Return the name in the reader's language, with the code; the code alone where Django knows no name."""
    for known in (code.lower(), code.lower().partition("-")[0]):
        if known in LANG_INFO and "name" in LANG_INFO[known]:
            return f"{gettext(LANG_INFO[known]['name'])} ({code})"
    return code


class ObjectTypeFilter(SimpleListFilter):
    title = _("object")
    parameter_name = "object_type"
    types = ("post", "comment", "tag", "category", "user", "authsession", "mediafile", "apikey", "webhook", "delivery")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in self.types]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(object_type=self.value()) if self.value() else queryset
