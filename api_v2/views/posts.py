"""Posts: the list, one of them, a new one, its changes. `post_actions.py` takes them from state to state."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.http import HttpResponse, HttpResponsePermanentRedirect
from django.utils.encoding import escape_uri_path
from rest_framework.request import Request

from api_v2.errors import Problem, not_found
from api_v2.pagination import PAGE_PARAMETERS, read_page_request
from api_v2.post_filters import FILTERS, read_choice, read_sort
from api_v2.post_queries import CHANGED, POSTS, PostSelection, read_posts
from api_v2.query import named
from api_v2.responses import PRIVATE, PUBLIC, VARY
from api_v2.serializers.post_bodies import read_new_post, read_post_changes
from api_v2.sources import read_all
from api_v2.views.api_view import ApiView
from api_v2.views.public_view import PublicView
from api_v2.views.resources import found, keep_until_next_change
from cms import policy
from cms.choices import Scope
from cms.costs.bodies import POST_BYTES_MAX
from cms.models import Post
from cms.services.post_states import trash_post
from cms.services.posts import create_post, find_editable_post, preparing_change, update_post
from cms.services.prepared import beginning_again, prepared

SELECTION = ("fields", "include")


class PostsView(PublicView):
    body_bytes_max = POST_BYTES_MAX
    scopes = {"GET": Scope.POSTS_READ, "POST": Scope.POSTS_WRITE}
    parameters = {"GET": (*FILTERS, "sort", *SELECTION, *PAGE_PARAMETERS)}

    def get(self, request: Request) -> HttpResponse:
        selection, sort = PostSelection.of(self.query), read_sort(self.query, self.actor)
        wanted = read_page_request(self.http_request, self.query, sort=sort, filters=FILTERS)
        chosen = read_choice(self.query, self.actor)
        page = read_posts(self.http_request, self.viewer, selection, wanted, chosen)
        keep_until_next_change(self, page.rows)
        data = [selection.write(row, self.viewer) for row in page.rows]
        return self.answer_page(page, data, **selection.write_included(page.rows, self.viewer))

    def ahead(self) -> AbstractContextManager[None]:
        if not policy.may_write_posts(self.actor):
            return nullcontext()
        try:
            body = self.body()
        except Problem:
            return nullcontext()
        return prepared(body if isinstance(body, dict) else {})

    def post(self, request: Request) -> HttpResponse:
        self.require(policy.may_write_posts, "Only authors, editors and admins write posts.")
        fields = read_new_post(self.body(), self.viewer)
        post = create_post(actor=self.actor, fields=fields, now=self.now)
        return answer_post(self, post, location=f"{self.viewer.base}/posts/{post.pk}")


class PostView(PublicView):
    body_bytes_max = POST_BYTES_MAX
    scopes = {"GET": Scope.POSTS_READ, "PATCH": Scope.POSTS_WRITE, "DELETE": Scope.POSTS_WRITE}
    parameters = {"GET": SELECTION}

    def get(self, request: Request, slug_or_id: str) -> HttpResponse:
        selection = PostSelection.of(self.query)
        columns = (*selection.columns, "version", "updated_at", "expires_at")
        rows = read_all(self.viewer, POSTS, selection.fields, *columns, **named(slug_or_id))
        if not rows:
            return self._redirect_from(slug_or_id)
        self.keep_until(rows[0]["expires_at"])
        data = selection.write(rows[0], self.viewer) | selection.write_included(rows, self.viewer)
        return self.answer(data, changed_at=rows[0]["updated_at"], version=rows[0]["version"])

    @beginning_again
    def patch(self, request: Request, slug_or_id: str) -> HttpResponse:
        post = post_to_change(self, slug_or_id)
        changes = read_post_changes(self.body(), self.viewer)
        change: Any = {"actor": self.actor, "post": post, "changes": changes, "now": self.now}
        with preparing_change(**change), self.unchanged(post):
            post = update_post(**change)
        return answer_post(self, post)

    def delete(self, request: Request, slug_or_id: str) -> HttpResponse:
        """Move the post to the trash, from where `restore` brings it back."""
        post = post_to_change(self, slug_or_id)
        with self.unchanged(post):
            trash_post(actor=self.actor, post=post, now=self.now)
        return self.answer_nothing()

    def _redirect_from(self, old_slug: str) -> HttpResponse:
        """Redirect to the visible post that once had this slug."""
        visible = Post.objects.visible_to(self.actor, self.now)
        slug = visible.filter(redirects__old_path=f"/posts/{old_slug}").values_list("slug", flat=True).first()
        if slug is None:
            raise not_found("There is no such post, or you may not see it.")
        return moved_to(self, slug, self.http_request.META.get("QUERY_STRING", ""))


def moved_to(view: ApiView, slug: str, query: str = "") -> HttpResponse:
    """Redirect by 301 to the post with this slug. Browsers keep it for ever unless told to ask again."""
    location = f"{view.viewer.base}/posts/{escape_uri_path(slug)}{'?' if query else ''}{query}"
    cache_control = PRIVATE if policy.is_known(view.actor) else PUBLIC
    response = HttpResponsePermanentRedirect(location, headers={"Cache-Control": cache_control, "Vary": VARY})
    del response.headers["Content-Type"]
    return response


def post_to_change(view: ApiView, slug_or_id: str) -> Post:
    """Return a post that the caller sees and may change; else a 401, 403 or 404."""
    view.require(policy.may_write_posts, "Only authors, editors and admins change posts.")
    if editable := find_editable_post(view.actor, slug_or_id):
        return editable
    post = found(Post.objects.visible_to(view.actor, view.now).with_slug_or_id(slug_or_id))
    view.require(lambda actor: policy.may_edit_post(actor, post), "Only its authors and editors change this post.")
    return post


def answer_post(view: ApiView, post: Post, *, location: str | None = None) -> HttpResponse:
    """Return the whole post after a change by the caller, even after a caller who left its authors."""
    selection = PostSelection.whole()
    (row,) = read_all(view.viewer, CHANGED, selection.fields, "version", "updated_at", id=post.pk)
    return view.answer_once(
        selection.write(row, view.viewer),
        status=201 if location else 200,
        location=location,
        version=row["version"],
        changed_at=row["updated_at"],
    )
