"""Looking at a post as others get it: the text on the screen as a page, a link for strangers, each version's JSON."""

from typing import Any, Final

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.csp import CSP
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST

from cms import clock
from cms.admin.forms import shown_refusal
from cms.admin.writing import rendered
from cms.costs.turns import Busy
from cms.errors import CmsError
from cms.ids import parse_uuid
from cms.models import MediaFile, Post
from cms.services.advice import Draft, advise
from cms.services.previews import make_preview

PICTURES_MAX: Final = 40
THUMBNAIL: Final = "square-160"
FRAME_CSP: Final[Any] = {**settings.STATIC_PAGE_CSP, "img-src": [CSP.SELF, "https:"], "frame-ancestors": [CSP.SELF]}


class LookingMixin:
    """Addresses below a post's own, for those who may change it."""

    admin_site: Any
    has_change_permission: Any
    _own_post: Any

    def get_urls(self) -> list[Any]:
        views = (self.page_view, self.share_view, self.advice_view)
        page, share, advice = (require_POST(self.admin_site.admin_view(view)) for view in views)
        return [
            path("page/", page, name="cms_post_page"),
            path("advice/", advice, name="cms_post_advice"),
            path("pictures/", self.admin_site.admin_view(self.pictures_view), name="cms_post_pictures"),
            path("<path:object_id>/share/", share, name="cms_post_share"),
            path("<path:object_id>/json/", self.admin_site.admin_view(self.json_view), name="cms_post_json"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @property
    def page_view(self) -> Any:
        return xframe_options_sameorigin(csp_override(FRAME_CSP)(self._page))

    def _page(self, request: HttpRequest) -> HttpResponse:
        """Return a page of the title and text that were sent, as a reader may see it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        post = Post(title=request.POST.get("title", ""), language=request.POST.get("language") or "en")
        post.author = request.user  # type: ignore[assignment]
        try:
            return render(request, "cms/preview.html", {"post": post, "content_html": rendered(request)})
        except Busy:  # answered here, for the page of outages may not stand in a frame
            html = format_html("<p>{}</p>", _("Not available just now"))
            page = render(request, "cms/preview.html", {"post": post, "content_html": html}, status=503)
            page.headers["Retry-After"] = "1"
            return page

    def share_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return a link that shows the saved post to everybody who has it, for an hour."""
        post = self._own_post(request, object_id)
        try:
            preview = make_preview(actor=request.user, post=post, now=clock.now())
        except CmsError as refusal:
            return JsonResponse({"message": shown_refusal(refusal)}, status=422)
        own_page = request.build_absolute_uri(reverse("preview", args=[preview.token]))
        address = preview.front_end_url or own_page
        until = timezone.localtime(preview.expires_at)
        return JsonResponse({"address": address, "until": f"{until:%H:%M} {timezone.get_current_timezone_name()}"})

    def advice_view(self, request: HttpRequest) -> HttpResponse:
        """Return what may be mended in the post on the screen, a sentence each."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        texts = {name: request.POST.get(name, "").strip() for name in ("slug", "excerpt", "post")}
        draft = Draft(parse_uuid(texts["post"]), texts["slug"], texts["excerpt"], rendered(request))
        return JsonResponse({"advice": advise(actor=request.user, draft=draft, now=clock.now())})

    def pictures_view(self, request: HttpRequest) -> HttpResponse:
        """Return the newest pictures that somebody may use, or those whose name or description has `q`."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        rows = MediaFile.objects.visible_to(request.user, clock.now()).images().order_by("-created_at", "-pk")
        if words := request.GET.get("q", "").strip():
            rows = rows.filter(Q(original_name__icontains=words) | Q(alt_text__icontains=words))
        shown = rows.noting_rendition(THUMBNAIL)[:PICTURES_MAX]
        return JsonResponse({"pictures": [_picture(media) for media in shown]})

    def json_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what each version answers to the one who asks; the page's script asks them."""
        post = self._own_post(request, object_id)
        canary: dict[str, Any] = settings.CANARY
        is_enabled = {1: canary["IS_V1_ENABLED"], 2: canary["IS_V2_ENABLED"]}
        addresses = [(arm, f"/api/v{arm}/posts/{post.pk}") for arm in canary["ARMS"] if is_enabled[arm]]
        context = {**self.admin_site.each_context(request), "original": post, "addresses": addresses}
        return render(request, "admin/cms/post/json.html", {**context, "title": post.title})


def _picture(media: Any) -> dict[str, Any]:
    thumbnail = f"{reverse('admin:cms_mediafile_file', args=[media.pk])}?size={THUMBNAIL}"
    address = settings.MEDIA_ADDRESS.format(id=media.pk)
    names = {"name": media.original_name, "alt": media.alt_text}
    return {"id": str(media.pk), "thumbnail": thumbnail, "isMade": media.is_made, "address": address, **names}
