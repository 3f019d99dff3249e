"""The history of a post, for users who may change it: its revisions, comparing two, going back to one."""

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from api_v2.errors import Problem, not_found
from api_v2.keyset import Sort, SortKey
from api_v2.pagination import PAGE_PARAMETERS, read_page_request
from api_v2.query import refused
from api_v2.serializers.revisions import REVISION, SUMMARY, TEXTS, write_changes
from api_v2.views.api_view import ApiView
from api_v2.views.posts import PostView, answer_post, post_to_change
from api_v2.views.resources import answer_changed, answer_list, answer_one, found, refuse_members
from cms.choices import Scope
from cms.errors import CmsError
from cms.models import Post, PostRevision
from cms.services.drafts import discard_draft
from cms.services.posts import lock_post
from cms.services.prepared import beginning_again
from cms.services.restoring import apply_revision, applying, restore_revision
from cms.services.revisions import compare_revisions, get_revision, list_revisions

NEWEST_FIRST: Final = Sort((SortKey("number", is_descending=True),))
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


def number_in(path: str) -> int:
    """Return a revision's number in a path; other text is a 404."""
    if not _NUMBER.fullmatch(path):
        raise not_found()
    return int(path)


class HistoryView(ApiView):
    """Hides the history from users who may not change the post: they get 404."""

    scopes = {"GET": Scope.POSTS_READ}

    def post_of(self, slug_or_id: str) -> Post:
        own = Post.objects.editable_by(self.actor).visible_to(self.actor, self.now)
        return found(own.with_slug_or_id(slug_or_id))

    def revisions_of(self, slug_or_id: str) -> QuerySet[PostRevision]:
        return list_revisions(actor=self.actor, post=self.post_of(slug_or_id))


class RevisionsView(HistoryView):
    """Revisions without their content, unless asked for one of them."""

    parameters = {"GET": ("fields", *PAGE_PARAMETERS)}

    def get(self, request: Request, slug_or_id: str) -> HttpResponse:
        wanted = read_page_request(self.http_request, self.query, sort=NEWEST_FIRST)
        return answer_list(self, wanted, rows=self.revisions_of(slug_or_id), shape=SUMMARY, computed=TEXTS)


class RevisionView(HistoryView):
    """Only a draft may be deleted: the rest is the history of the post."""

    scopes = {"GET": Scope.POSTS_READ, "DELETE": Scope.POSTS_WRITE}
    parameters = {"GET": ("fields",)}

    def get(self, request: Request, slug_or_id: str, number: str) -> HttpResponse:
        rows = self.revisions_of(slug_or_id).filter(number=number_in(number))
        return answer_one(self, rows=rows, shape=REVISION, computed=TEXTS)

    def delete(self, request: Request, slug_or_id: str, number: str) -> HttpResponse:
        post = post_to_change(self, slug_or_id)
        revision = found(list_revisions(actor=self.actor, post=post).filter(number=number_in(number)))
        with transaction.atomic():
            lock_post(self.actor, post)  # before its draft, as all who change both
            with self.unchanged(revision, is_doomed=True):
                discard_draft(actor=self.actor, post=post, number=revision.number, now=self.now)
        return self.answer_nothing()


class RevisionDiffView(HistoryView):
    """The changes from the revision `against`, by default the one before, to this one."""

    parameters = {"GET": ("against",)}

    def get(self, request: Request, slug_or_id: str, number: str) -> HttpResponse:
        this = number_in(number)
        if this == 1 and self.query.text("against") is None:
            raise refused(
                "against", "required", "The first revision has none before it: say which one to compare with."
            )
        against = self.query.whole_number("against", 1, 999_999_999, this - 1)
        post = self.post_of(slug_or_id)
        older, newer = (get_revision(actor=self.actor, post=post, number=n) for n in (against, this))
        changes = compare_revisions(actor=self.actor, older=older, newer=newer)
        return self.answer({"post": post.pk, "from": against, "to": this, "changes": write_changes(changes)})


class RevisionActionView(ApiView):
    """`If-Match` means the post, whose history this is."""

    scopes = {"POST": Scope.POSTS_WRITE}
    resource = PostView

    def current_etag(self) -> str | None:
        self.kwargs = {"slug_or_id": self.kwargs["slug_or_id"]}
        return super().current_etag()


class RestoreRevisionView(RevisionActionView):
    """Makes a draft revision of an old one; what the post says stays as it is until the draft is applied."""

    def post(self, request: Request, slug_or_id: str, number: str) -> HttpResponse:
        post = post_to_change(self, slug_or_id)
        refuse_members(self)
        with self.unchanged(post):
            draft = restore_revision(actor=self.actor, post=post, number=number_in(number), now=self.now)
        self.has_changed_nothing = draft.created_at != self.now  # it was waiting already
        created = f"/posts/{post.pk}/revisions/{draft.number}"
        return answer_changed(self, draft, REVISION, computed=TEXTS, created=created)


class ApplyRevisionView(RevisionActionView):
    """Makes a draft revision what the post says; its state stays as it is."""

    def ahead(self) -> AbstractContextManager[Any]:
        try:
            post = post_to_change(self, self.kwargs["slug_or_id"])
            number = number_in(self.kwargs["number"])
        except (Problem, CmsError):
            return nullcontext()
        return applying(actor=self.actor, post=post, number=number, now=self.now)

    @beginning_again
    def post(self, request: Request, slug_or_id: str, number: str) -> HttpResponse:
        post = post_to_change(self, slug_or_id)
        refuse_members(self)
        draft: Any = {"actor": self.actor, "post": post, "number": number_in(number), "now": self.now}
        with applying(**draft), self.unchanged(post):
            post = apply_revision(**draft)
        return answer_post(self, post)
