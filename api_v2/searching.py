"""Search: a page of hits, ranked or in an order of lists, with facets over all that was ranked.

Ranked hits have no key to go on from: their score changes with every post that is written. So their cursor, signed and
bound like every other, holds the number of hits before its page. A walk may meet a post twice when hits change
meanwhile. An order of lists (`sort=title`) is walked by keyset, and each post that stayed is met exactly once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from django.http import HttpRequest

from api_v2.cursors import Cursor
from api_v2.keyset import UNSORTED
from api_v2.pagination import Page, PageRequest, Row, path_with, read_page_request
from api_v2.post_filters import CHOOSING, FILTERS, SORTS, narrowing, read_choice, read_search_text, read_sort
from api_v2.post_queries import POSTS, QUOTED, PostSelection
from api_v2.query import Query, refused
from api_v2.serializers.shapes import Viewer
from api_v2.sources import NEXT_CHANGE, read_all, read_list
from cms.db.texts import whole_rows
from cms.querysets.posts import PostQuerySet
from cms.search import SearchResults, search_posts
from cms.search.highlights import highlight_post
from cms.search.queries import parse_query
from cms.search.results import RANKED_MAX, Narrowing

RELEVANCE: Final = "relevance"
SEARCH_SORTS: Final = (RELEVANCE, *SORTS)
_QUOTED: Final = ("title", "excerpt", QUOTED, "language")


@dataclass(frozen=True)
class Found:
    page: Page
    """Its rows have what the selection needs, and NEXT_CHANGE."""
    hits: Sequence[tuple[float | None, Mapping[str, str]]]
    """Score and highlights of each row. A list in another order than that of relevance has no scores.

    Highlights are HTML by `title`, `excerpt` and `snippet` (of the content).
    """
    results: SearchResults
    """Facets, and whether there were too many matches to rank them all."""


def find(request: HttpRequest, query: Query, viewer: Viewer, selection: PostSelection) -> Found:
    text = read_search_text(query)
    if text is None:
        raise refused("q", "required", "'q' is required: what to look for.")
    names = query.choices("sort", SEARCH_SORTS, [RELEVANCE])
    if names == [RELEVANCE]:
        return _ranked(request, query, viewer, selection, text)
    if RELEVANCE in names:
        raise refused("sort", "invalid_choice", f"{RELEVANCE!r} stands alone in 'sort'.")
    return _sorted(request, query, viewer, selection, text)


def _ranked(request: HttpRequest, query: Query, viewer: Viewer, selection: PostSelection, text: str) -> Found:
    wanted = read_page_request(request, query, sort=UNSORTED, filters=FILTERS)
    offset = int(str(wanted.cursor.values[0])) if wanted.cursor else 0
    results = _search(viewer, text, _among(query, viewer), limit=wanted.limit, offset=offset)
    ids, columns = [hit.post_id for hit in results.hits], ("id", *_columns(selection))
    # By the one rule again: a post that was hidden since it was ranked is neither shown nor quoted.
    read = read_all(viewer, POSTS, selection.fields, *columns, found=ids) if ids else []
    by_id = {row["id"]: row for row in whole_rows(read)}
    places = [place for place, hit in enumerate(results.hits) if hit.post_id in by_id]
    hits = [results.hits[place] for place in places]
    rows = [by_id[hit.post_id] for hit in hits]
    following = offset + (places[-1] + 1 if len(rows) < len(read) else wanted.limit)
    return Found(
        page=_page(request, wanted, rows, offset, following, results.total),
        hits=[*zip((hit.score for hit in hits), _quoted(rows, text), strict=True)],
        results=results,
    )


def _columns(selection: PostSelection) -> list[str]:
    return [*selection.columns, *_QUOTED, NEXT_CHANGE, *selection.sizes]


def _quoted(rows: Sequence[Row], text: str) -> list[Mapping[str, str]]:
    asked = parse_query(text)
    return [
        highlight_post(SimpleNamespace(**{**row, "content_html": row[QUOTED]}), asked, hits=len(rows)) for row in rows
    ]


def _page(request: HttpRequest, wanted: PageRequest, rows: list[Row], offset: int, following: int, total: int) -> Page:
    before = max(0, offset - wanted.limit)
    return Page(
        rows=rows,
        limit=wanted.limit,
        next=path_with(request, _place(following), wanted) if following < total else None,
        previous=path_with(request, _place(before), wanted) if offset else None,
        total=total if wanted.is_counted else None,
    )


def _place(offset: int) -> Cursor:
    return Cursor("from", (str(min(offset, RANKED_MAX)),))


def _sorted(request: HttpRequest, query: Query, viewer: Viewer, selection: PostSelection, text: str) -> Found:
    wanted = read_page_request(request, query, sort=read_sort(query, viewer.actor), filters=FILTERS)
    columns, chosen = _columns(selection), read_choice(query, viewer.actor)
    choice, values = chosen
    page = read_list(request, viewer, POSTS, selection.fields, wanted, *columns, choice=choice, **values)
    return Found(
        page=page,
        hits=[(None, quoted) for quoted in _quoted(page.rows, text)],
        results=_search(viewer, text, narrowing(chosen, viewer.now), limit=0),
    )


def _search(viewer: Viewer, text: str, among: Narrowing, *, limit: int, offset: int = 0) -> SearchResults:
    return search_posts(text, user=viewer.actor, now=viewer.now, among=among, limit=limit, offset=offset)


def _among(query: Query, viewer: Viewer) -> Narrowing:
    """Return the rows that pass the filters of lists, with their defaults: published ones of kind post."""
    if not viewer.actor.is_authenticated and not query.given(CHOOSING):
        return PostQuerySet.posts  # all visible posts are published, and the index is asked for less
    return narrowing(read_choice(query, viewer.actor), viewer.now)


def write_facets(results: SearchResults) -> dict[str, list[dict[str, Any]]]:
    return {name: [{"slug": slug, "count": count} for slug, count in counts] for name, counts in results.facets.items()}
