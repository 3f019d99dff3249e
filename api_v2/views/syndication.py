"""Documents for other programs: the feed and the sitemap. Both show public posts only, to every caller."""

from collections.abc import Generator, Iterable, Iterator
from itertools import batched
from typing import Final
from urllib.parse import quote, urlencode

from django.contrib.auth.models import AnonymousUser
from django.db.models import Max
from django.db.models.functions import Greatest
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from api_v2.errors import not_found
from api_v2.instants import format_instant, parse_instant
from api_v2.keyset import Sort, SortKey
from api_v2.links import PINNED, resource_path
from api_v2.pagination import read_page_request
from api_v2.post_filters import read_choice
from api_v2.post_queries import PostSelection, read_posts
from api_v2.responses import PRIVATE, PUBLIC, VARY
from api_v2.serializers import atom, sitemaps
from api_v2.serializers.shapes import Viewer
from api_v2.views.api_view import ApiView
from api_v2.views.public_view import PublicView
from api_v2.views.resources import keep_until_next_change
from cms import policy
from cms.choices import Scope
from cms.costs.streams import begun
from cms.costs.turns import BoundedIfSlow, Places
from cms.models import Post
from cms.querysets.posts import PostQuerySet

NEWEST_FIRST: Final = Sort((SortKey("published_at", is_descending=True),))
FEED_FILTERS: Final = ("tag", "category")
URLS_PER_PART: Final = 50_000  # sitemaps.org
PARTS_MAX: Final = 50_000
ROWS_AT_ONCE: Final = 1_000
SITEMAPS: Final = BoundedIfSlow("sitemaps are written", grace_s=0.25, burst_s=5.0, places=Places(2))
"""One of 50,000 addresses takes half a second. Places of their own: who reads slowly keeps one until the end."""


class FeedView(PublicView):
    """The newest posts. A 304 is for the ETag alone: that a post was taken back shows in no date."""

    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": (*FEED_FILTERS, "limit", "cursor")}
    media_type = atom.MEDIA_TYPE

    def get(self, request: Request) -> HttpResponse:
        reader = Viewer(AnonymousUser(), self.now, PINNED)
        selection = PostSelection(atom.FIELDS, atom.INCLUDE)
        wanted = read_page_request(self.http_request, self.query, sort=NEWEST_FIRST, filters=FEED_FILTERS)
        chosen = read_choice(self.query, reader.actor)
        page = read_posts(self.http_request, reader, selection, wanted, chosen)
        keep_until_next_change(self, page.rows)
        posts = [selection.write(row, reader) for row in page.rows]
        included = selection.write_included(page.rows, reader)["included"]
        body = atom.write_feed(posts, included, page, self._addresses())
        changed_at = parse_instant(atom.updated_at(posts))
        assert changed_at is not None
        return self.answer_bytes(body, self.media_type, changed_at=changed_at)

    def _addresses(self) -> atom.FeedAddresses:
        here, query = f"{PINNED}{resource_path(self.http_request)}", self.http_request.META.get("QUERY_STRING", "")
        chosen = urlencode(self.query.given(FEED_FILTERS), safe=",")
        absolute = self.http_request.build_absolute_uri
        return atom.FeedAddresses(
            base=absolute(PINNED),
            feed=absolute(f"{here}?{chosen}" if chosen else here),
            here=absolute(f"{here}?{query}" if query else here),
        )


class SitemapView(ApiView):
    """Every public post and page; beyond `urls_per_part` an index of parts. No ETag: it is sent as it is read."""

    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": ("part",)}
    media_type = sitemaps.MEDIA_TYPE
    urls_per_part = URLS_PER_PART

    def get(self, request: Request) -> HttpResponseBase:
        rows = Post.objects.public(self.now).order_by("pk")
        part = self.query.whole_number("part", 1, PARTS_MAX, 0)
        count = rows.count()
        parts = max(1, -(-count // self.urls_per_part))
        if part > parts:
            raise not_found(f"There are {parts} parts.")
        if parts > 1 and not part:
            return self._stream(sitemaps.write_index(self._parts(rows, parts)))
        return self._stream(sitemaps.write_urls(self._urls(self._part(rows, part or 1))))

    def _part(self, rows: PostQuerySet, part: int) -> PostQuerySet:
        return rows[(part - 1) * self.urls_per_part : part * self.urls_per_part]

    def _parts(self, rows: PostQuerySet, parts: int) -> Iterator[sitemaps.Place]:
        address = self.http_request.build_absolute_uri(f"{PINNED}/sitemap.xml")
        for part in range(1, parts + 1):
            last = self._part(rows.annotate(changed=Greatest("updated_at", "published_at")), part)
            yield f"{address}?part={part}", format_instant(last.aggregate(last=Max("changed"))["last"])

    def _urls(self, rows: PostQuerySet) -> Iterator[sitemaps.Place]:
        base = self.http_request.build_absolute_uri(f"{PINNED}/posts/")
        found = rows.values_list("slug", "updated_at", "published_at")
        for slug, updated_at, published_at in found.iterator(chunk_size=ROWS_AT_ONCE):
            assert published_at is not None  # public posts have one
            yield f"{base}{quote(slug)}", format_instant(max(updated_at, published_at))

    def _stream(self, lines: Iterator[bytes]) -> HttpResponseBase:
        cache_control = PRIVATE if policy.is_known(self.actor) else PUBLIC
        headers = {"Cache-Control": cache_control, "Vary": VARY}
        if self.http_request.method == "HEAD":
            return StreamingHttpResponse((), content_type=self.media_type, headers=headers)  # says no length, as GET
        chunks = begun(_in_turn(b"".join(chunk) for chunk in batched(lines, ROWS_AT_ONCE)))  # waits for nothing
        return StreamingHttpResponse(chunks, content_type=self.media_type, headers=headers)


def _in_turn(chunks: Iterable[bytes]) -> Generator[bytes]:
    with SITEMAPS.turn():
        yield from chunks
