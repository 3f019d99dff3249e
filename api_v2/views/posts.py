"""Posts: the list, one of them, a new one."""

from django.http import HttpResponse, HttpResponsePermanentRedirect
from django.utils.encoding import escape_uri_path
from rest_framework.request import Request

from api_v2.errors import not_found
from api_v2.pagination import PAGE_PARAMETERS, read_page, read_page_request
from api_v2.post_filters import FILTERS, posts_asked_for, read_sort
from api_v2.responses import PRIVATE, PUBLIC, VARY
from api_v2.selection import PostSelection
from api_v2.serializers.post_bodies import read_new_post
from api_v2.views.api_view import ApiView
from cms import policy
from cms.choices import Scope
from cms.models import Post
from cms.services.posts import create_post

SELECTION = ("fields", "include")


class PostsView(ApiView):
    scopes = {"GET": Scope.POSTS_READ, "POST": Scope.POSTS_WRITE}
    parameters = {"GET": (*FILTERS, "sort", *SELECTION, *PAGE_PARAMETERS)}

    def get(self, request: Request) -> HttpResponse:
        selection, sort = PostSelection.of(self.query), read_sort(self.query)
        wanted = read_page_request(self.http_request, self.query, sort=sort, filters=FILTERS)
        page = read_page(
            self.http_request,
            wanted,
            rows=posts_asked_for(self.query, self.actor, self.now),
            sort=sort,
            select=lambda rows: selection.columns(rows, self.viewer, *sort.columns),
        )
        data = [selection.write(row, self.viewer) for row in page.rows]
        return self.answer_page(page, data, **selection.write_included(page.rows, self.viewer))

    def post(self, request: Request) -> HttpResponse:
        self.require(policy.may_write_posts, "Only authors, editors and admins write posts.")
        fields = read_new_post(self.body(), self.actor)
        post = create_post(actor=self.actor, fields=fields, now=self.now)
        selection = PostSelection.of(self.query)
        row = selection.columns(Post.objects.visible_to(self.actor, self.now).filter(pk=post.pk), self.viewer).get()
        location = f"{self.viewer.base}/posts/{post.pk}"
        return self.answer_once(selection.write(row, self.viewer), status=201, location=location)


class PostView(ApiView):
    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": SELECTION}

    def get(self, request: Request, slug_or_id: str) -> HttpResponse:
        selection = PostSelection.of(self.query)
        visible = Post.objects.visible_to(self.actor, self.now)
        rows = list(selection.columns(visible.with_slug_or_id(slug_or_id), self.viewer, "version", "updated_at")[:1])
        if not rows:
            return self._redirect_from(slug_or_id)
        data = selection.write(rows[0], self.viewer) | selection.write_included(rows, self.viewer)
        return self.answer(data, changed_at=rows[0]["updated_at"], version=rows[0]["version"])

    def _redirect_from(self, old_slug: str) -> HttpResponse:
        """To the visible post that once had this slug. Browsers keep a 301 for ever unless told to ask again."""
        visible = Post.objects.visible_to(self.actor, self.now)
        slug = visible.filter(redirects__old_path=f"/posts/{old_slug}").values_list("slug", flat=True).first()
        if slug is None:
            raise not_found("There is no such post, or you may not see it.")
        query = self.http_request.META.get("QUERY_STRING", "")
        location = f"{self.viewer.base}/posts/{escape_uri_path(slug)}{'?' if query else ''}{query}"
        cache_control = PRIVATE if policy.is_known(self.actor) else PUBLIC
        response = HttpResponsePermanentRedirect(location, headers={"Cache-Control": cache_control, "Vary": VARY})
        del response.headers["Content-Type"]
        return response
