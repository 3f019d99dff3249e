"""Search: hits, suggestions, the state of the index, and its rebuild."""

import time

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from api_v1.long_posts import answer_posts
from api_v1.pagination import number_or_default
from api_v1.queries import count_searchable, term_names
from api_v1.responses import success
from api_v1.searching import find
from api_v1.serializers.posts import post_body
from api_v1.views.view import V1View
from cms import clock, policy
from cms.choices import Scope
from cms.search import searching, suggest
from cms.search.suggestions import LIMIT_MAX
from cms.services.search_index import index_state, request_reindex

SUGGESTIONS_DEFAULT = 10


class SearchView(V1View):
    scopes = {"GET": Scope.POSTS_READ}

    def get(self, request: Request) -> HttpResponseBase:
        began = time.perf_counter()
        with searching():
            found = find(request.query_params, request.user, clock.now())
        names = term_names(found.posts, request.user)
        hits = [post_body(post, names) for post in found.posts]
        took_ms = round((time.perf_counter() - began) * 1000)
        data = {"hits": hits, "total": found.total, "took_ms": took_ms, "facets": found.facets}
        return answer_posts(request, found.posts, data, clock.now)


class SuggestView(V1View):
    scopes = {"GET": Scope.POSTS_READ}

    def get(self, request: Request) -> HttpResponse:
        prefix = request.query_params.get("prefix", "")
        limit = number_or_default(request.query_params.get("limit"), SUGGESTIONS_DEFAULT, LIMIT_MAX)
        with searching():
            found = suggest(prefix, user=request.user, now=clock.now(), limit=limit)
        return success({"suggestions": found})


class SearchStatsView(V1View):
    scopes = {"GET": Scope.POSTS_READ}

    def get(self, request: Request) -> HttpResponse:
        documents = count_searchable(request.user, clock.now())
        return success({"total_documents": documents, "index_state": index_state()})


class ReindexView(V1View):
    def post(self, request: Request) -> HttpResponse:
        asked = request_reindex(actor=self.require(policy.may_administer))
        message = "Reindexing was queued" if asked.is_new else "Reindexing is under way already"
        return success({"message": message, "job_id": asked.job_id, "index_state": asked.state})
