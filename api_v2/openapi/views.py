"""API v2's own documents: OpenAPI for programs and as a page for people, the guide from v1, and the changelog.

Their bytes are made once and stay as they are until the next release.
"""

from functools import cache
from pathlib import Path
from typing import Final

import orjson
from django.http import HttpResponse
from django.template.loader import render_to_string
from rest_framework.request import Request

from api_v2.browsing import PAGE_POLICY
from api_v2.errors import not_found
from api_v2.migration_guide import guide_of, successors_name
from api_v2.negotiation import HTML
from api_v2.openapi.document import document
from api_v2.openapi.pages import groups_of, quick_start_of
from api_v2.openapi.samples import BASE, SITE
from api_v2.views.api_view import ApiView
from cms.text.rendering import render_html

CHANGELOG: Final = Path(__file__).parent.parent / "changelog.md"
# The documentation has one script too, which sends what its reader tries to this server.
DOCS_POLICY: Final = f"{PAGE_POLICY}; script-src 'self'; connect-src 'self'"


class OpenApiView(ApiView):
    scopes = {"GET": None}

    def get(self, request: Request) -> HttpResponse:
        return self.answer_bytes(_written_document(), self.media_type)


class PageView(ApiView):
    scopes = {"GET": None}
    media_type = HTML


class DocsView(PageView):
    def get(self, request: Request) -> HttpResponse:
        return self.answer_html(_docs(has_guide=successors_name() is not None), DOCS_POLICY)


class MigrationGuideView(PageView):
    def get(self, request: Request) -> HttpResponse:
        name = successors_name()
        if name is None:
            raise not_found("v1 is gone, and with it the guide.")
        return self.answer_html(_guide(name))


class ChangelogView(PageView):
    def get(self, request: Request) -> HttpResponse:
        return self.answer_html(_changelog())


@cache
def _written_document() -> bytes:
    return orjson.dumps(document())


@cache
def _docs(*, has_guide: bool) -> bytes:
    info = document()["info"]
    context = {"info": info, "about": render_html(info["description"], "markdown"), "has_guide": has_guide}
    groups = groups_of(document())
    return render_to_string(
        "api_v2/docs.html", {**context, "groups": groups, "first": quick_start_of(groups), "site": SITE, "base": BASE}
    ).encode()


@cache
def _guide(name: str) -> bytes:
    return render_to_string("api_v2/v1_to_v2.html", guide_of(name, document())).encode()


@cache
def _changelog() -> bytes:
    text = render_html(CHANGELOG.read_text(encoding="utf-8"), "markdown")
    return render_to_string("api_v2/changelog.html", {"text": text}).encode()
