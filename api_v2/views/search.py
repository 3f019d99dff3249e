"""Search: hits with highlights, and suggestions that complete what somebody is typing."""

from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from api_v2.pagination import PAGE_PARAMETERS
from api_v2.post_filters import FILTERS
from api_v2.post_queries import PostSelection
from api_v2.query import refused
from api_v2.searching import find, write_facets
from api_v2.views.api_view import ApiView
from api_v2.views.public_view import PublicView
from api_v2.views.resources import keep_until_next_change
from cms.choices import Scope
from cms.search import searching, suggest
from cms.search.suggestions import LIMIT_MAX, PREFIX_MAX

SUGGESTIONS_DEFAULT: Final = 10


class SearchView(PublicView):
    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": (*FILTERS, "sort", "fields", "include", *PAGE_PARAMETERS)}

    def get(self, request: Request) -> HttpResponse:
        selection = PostSelection.of(self.query)
        with searching():
            found = find(self.http_request, self.query, self.viewer, selection)
        keep_until_next_change(self, found.page.rows)
        data = [
            {"post": selection.write(row, self.viewer), "score": score, "highlights": highlights}
            for row, (score, highlights) in zip(found.page.rows, found.hits, strict=True)
        ]
        more = selection.write_included(found.page.rows, self.viewer)
        facets, is_truncated = write_facets(found.results), found.results.is_truncated
        return self.answer_page(found.page, data, **more, facets=facets, truncated=is_truncated)


class SuggestView(ApiView):
    """A list of texts, all on one page."""

    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": ("q", "limit")}

    def get(self, request: Request) -> HttpResponse:
        prefix = self.query.text("q")
        if prefix is None or not prefix.strip():
            raise refused("q", "required", "'q' is required: the beginning of what is looked for.")
        if len(prefix) > PREFIX_MAX:
            raise refused("q", "too_long", f"'q' has more than {PREFIX_MAX} characters.")
        limit = self.query.whole_number("limit", 1, LIMIT_MAX, SUGGESTIONS_DEFAULT)
        with searching():
            found = suggest(prefix, user=self.actor, now=self.now, limit=limit)
        page = {"next": None, "previous": None, "has_more": False, "limit": limit}
        return self.answer({"data": found, "page": page})
