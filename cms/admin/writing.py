"""The form of a post in the background: it asks who else writes, and keeps texts that are not saved yet."""

from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST

from cms import clock, limits
from cms.admin.forms import shown_refusal, whole_number, with_plain_line_ends
from cms.choices import ContentFormat
from cms.errors import CmsError, NotFound, translated
from cms.models import Post
from cms.services.drafts import autosave_post, discard_draft, state_of_draft
from cms.services.editing import ASKS_EVERY_S, end_editing, note_editing, others_editing
from cms.text.cost import rendering_s
from cms.text.rendering import render_html
from cms.text.turns import text_turn

AUTOSAVE_EVERY_S = 30


def editor_config(request: HttpRequest, post: Post | None) -> dict[str, Any]:
    """Return what the script of the form has to know."""
    below = reverse("admin:cms_post_change", args=[post.pk]).removesuffix("change/") if post else None
    return {
        "user": str(request.user.pk),
        "post": str(post.pk) if post else None,
        "version": post.version if post else None,
        "editing": below and f"{below}editing/",
        "autosave": below and f"{below}autosave/",
        "publicAddress": settings.PUBLIC_POST_URL or "/{slug}",
        "preview": reverse("admin:cms_post_preview"),
        "page": reverse("admin:cms_post_page"),
        "advice": reverse("admin:cms_post_advice"),
        "pictures": reverse("admin:cms_post_pictures"),
        "thumbnail": f"{reverse('admin:cms_mediafile_changelist')}{{id}}/file/?size=square-160",
        "share": below and f"{below}share/",
        "upload": reverse("admin:cms_mediafile_upload"),
        "session": reverse("admin:session"),
        "logOut": reverse("admin:logout"),
        "signIn": f"{reverse('admin:login')}?next={reverse('admin:signed_in')}",
        "asksEveryMs": ASKS_EVERY_S * 1_000,
        "autosaveEveryMs": AUTOSAVE_EVERY_S * 1_000,
    }


@never_cache
def session_view(request: HttpRequest) -> HttpResponse:
    """Return who is signed in and the token that a form needs: a session may have ended since it was opened."""
    if not request.user.is_authenticated:
        return JsonResponse({"user": None})
    return JsonResponse({"user": str(request.user.pk), "token": get_token(request)})


@xframe_options_sameorigin
def signed_in_view(request: HttpRequest) -> HttpResponse:
    """End the dialog in which somebody has signed in again."""
    return render(request, "cms/admin/signed_in.html")


def rendered(request: HttpRequest) -> str:
    """Return the HTML of the text that was sent. Raises BadRequest for one that no post can have, and Busy."""
    content, content_format = (
        with_plain_line_ends(request.POST.get(name, "")) for name in ("content", "content_format")
    )
    if content_format not in ContentFormat.values or len(content) > limits.CONTENT[1]:
        raise BadRequest(
            _("At most %(most)s characters of Markdown or HTML are allowed.") % {"most": f"{limits.CONTENT[1]:,}"}
        )
    with text_turn(rendering_s(content, content_format)):
        return render_html(content, content_format)


class WritingMixin:
    """Addresses below a post's own, for those who may change it."""

    admin_site: Any
    get_object: Any
    has_change_permission: Any

    def get_urls(self) -> list[Any]:
        views = {"editing": self.editing_view, "autosave": self.autosave_view, "discard": self.discard_view}
        wrapped = {name: require_POST(self.admin_site.admin_view(view)) for name, view in views.items()}
        preview = require_POST(self.admin_site.admin_view(self.preview_view))
        return [
            path("preview/", preview, name="cms_post_preview"),
            path("<path:object_id>/editing/", wrapped["editing"], name="cms_post_editing"),
            path("<path:object_id>/autosave/", wrapped["autosave"], name="cms_post_autosave"),
            path("<path:object_id>/drafts/<int:number>/discard/", wrapped["discard"], name="cms_post_discard"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Return the HTML that readers would get of a text, by the same renderer."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            return HttpResponse(rendered(request))
        except BadRequest as refusal:
            return HttpResponseBadRequest(str(refusal))

    def editing_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        post, now = self._own_post(request, object_id), clock.now()
        user: Any = request.user
        if "end" in request.POST:
            end_editing(user=user, post=post)
            return JsonResponse({})
        note_editing(user=user, post=post, now=now)
        names = [other.get_short_name() for other in others_editing(user=user, post=post, now=now)]
        return JsonResponse({"others": names, "version": post.version})

    def autosave_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        post, now = self._own_post(request, object_id), clock.now()
        texts = {name: with_plain_line_ends(str(text)) for name, text in request.POST.items()}
        try:
            draft = autosave_post(
                actor=request.user,
                post=post,
                texts=texts,
                base_revision=whole_number(texts.get("base_revision")) or 0,
                now=now,
                state=texts.get("draft_state", ""),
            )
        except CmsError as refusal:
            return JsonResponse({"message": shown_refusal(refusal)}, status=422)
        return JsonResponse({"revision": draft and draft.number, "draft_state": state_of_draft(draft) if draft else ""})

    def discard_view(self, request: HttpRequest, object_id: str, number: int) -> HttpResponse:
        post = self._own_post(request, object_id)
        try:
            discard_draft(actor=request.user, post=post, number=number, now=clock.now())
        except NotFound as missing:
            raise Http404(translated(missing.message)) from missing
        return HttpResponseRedirect(reverse("admin:cms_post_change", args=[object_id]))

    def _own_post(self, request: HttpRequest, object_id: str) -> Post:
        post: Post | None = self.get_object(request, object_id)
        if post is None:
            raise Http404(_("There is no such post."))
        return post
