"""What each role may do: a sentence for each predicate of `cms/policy.py`, and the answers of the predicates as cells."""

import inspect
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.test import override_settings

from cms import policy
from cms.choices import Role, Scope
from cms.models import User

PAGE: Final = Path(__file__).resolve().parent.parent.parent / "docs/roles.md"
STRANGER: Final = uuid.UUID(int=1)


@dataclass(frozen=True)
class Person:
    """An active user without a row: the policy reads no more of one than this."""

    role: Role
    is_in_groups: bool = False
    """Whether groups give the user every permission that a group can give."""
    pk: uuid.UUID = field(default_factory=uuid.uuid4)
    is_active: bool = True
    is_authenticated: bool = True

    def has_perm(self, perm: str) -> bool:
        return self.is_in_groups or bool(User(role=self.role).is_superuser)


@dataclass(frozen=True)
class Owned:
    """A post, comment or file of one user."""

    owner_id: uuid.UUID

    @property
    def author_id(self) -> uuid.UUID:
        return self.owner_id

    uploaded_by_id = author_id

    def is_written_by(self, user_id: uuid.UUID) -> bool:
        return user_id == self.owner_id


@dataclass(frozen=True)
class Row:
    may: Callable[..., bool]
    sentence: str
    about: Callable[[uuid.UUID], object] | None = None
    """Makes the object that the predicate asks about, of its owner's id."""
    setting: str = ""
    values: tuple[Any, ...] = ()
    """Values of a setting on which the answer depends."""
    is_for_users: bool = False
    """Whether the predicate takes users alone."""


def opens_admin_site(user: Person) -> bool:
    return bool(User(role=user.role).is_staff)


def _account_of(owner_id: uuid.UUID) -> Person:
    return Person(Role.SUBSCRIBER, pk=owner_id)


ROWS: Final = (
    Row(policy.may_comment_as_guest, "Comment under a name", setting="COMMENTS_BY_GUESTS", values=(False, True)),
    Row(policy.is_known, "Sign in to the API, read and change the own profile"),
    Row(policy.is_oneself, "Set the profile picture of an account", _account_of),
    Row(policy.may_manage_own_keys, "Make and revoke own API keys"),
    Row(policy.may_comment, "Comment with an account"),
    Row(policy.may_edit_comment, "Edit and delete a comment", Owned),
    Row(opens_admin_site, "Open the admin site", is_for_users=True),
    Row(policy.may_write_posts, "Write posts and pages, comment without a moderator"),
    Row(policy.may_edit_post, "Change, publish, archive, trash and restore a post", Owned),
    Row(policy.may_upload_media, "Upload files"),
    Row(policy.may_edit_media, "Describe and delete a file", Owned),
    Row(policy.may_edit_all_posts, "Read drafts and private posts of others, manage redirects"),
    Row(policy.may_name_co_author, "Name a co-author who writes no posts", _account_of),
    Row(policy.may_edit_all_media, "See the files of others' drafts"),
    Row(policy.may_moderate, "Moderate comments"),
    Row(policy.may_manage_terms, "Make, merge, move and delete tags and categories"),
    Row(policy.may_manage_users, "Create, invite, suspend and delete users; give roles and groups"),
    Row(policy.may_manage_all_keys, "See and revoke the API keys of others"),
    Row(policy.may_manage_webhooks, "Manage webhooks and their deliveries"),
    Row(policy.may_transfer, "Import and export content"),
    Row(policy.may_see_audit, "Read the audit trail"),
    Row(policy.may_purge_posts, "Delete a trashed post for ever"),
    Row(policy.may_administer, "Rebuild the search index, see stuck jobs"),
    Row(
        policy.needs_second_factor,
        "Has to sign in with a second factor",
        setting="REQUIRE_SECOND_FACTOR",
        values=("none", "admins", "staff"),
        is_for_users=True,
    ),
)
ELSEWHERE: Final = {
    policy.may_edit_post_of: "may_edit_post, for rows of a list",
    policy.scopes_open_to: "the table of scopes",
    policy.is_scope_open_to: "the table of scopes",
}


def missing() -> set[str]:
    """Return the predicates of the policy that no row asks."""
    public = {one for name, one in inspect.getmembers(policy, inspect.isfunction) if not name.startswith("_")}
    own = {one for one in public if one.__module__ == policy.__name__}
    return {one.__name__ for one in own - {row.may for row in ROWS} - ELSEWHERE.keys()}


def page_with_tables(page: str) -> str:
    """Return the page with today's tables between its markers."""
    for name, lines in (("rights", _rights()), ("scopes", _scopes())):
        begin, end = f"<!-- {name}: python -m scripts.roles -->", f"<!-- end of {name} -->"
        if not (page.count(begin) == page.count(end) == 1):
            raise ValueError(f"docs/roles.md needs the markers {begin} and {end} once each.")
        before, rest = page.split(begin)
        page = "\n".join((before + begin, "", *lines, "", end)) + rest.split(end)[1]
    return page


def _rights() -> Iterator[str]:
    yield "| To | Visitor | Subscriber | Author | Editor | Admin |"
    yield "|---|---|---|---|---|---|"
    actors = (AnonymousUser(), *(Person(role) for role in Role))
    for row in ROWS:
        yield f"| {row.sentence} | {' | '.join(_cell(row, actor) for actor in actors)} |"


def _cell(row: Row, actor: Any) -> str:
    if not row.setting:
        return _answer(row, actor)
    answers = {}
    for value in row.values:
        with override_settings(**{row.setting: value}):
            answers[value] = _answer(row, actor)
    needed = [str(value).lower() for value, answer in answers.items() if answer == "yes"]
    if len(needed) in (0, len(answers)):
        return "yes" if needed else "no"
    return f"with `{row.setting}={'` or `'.join(needed)}`"


def _answer(row: Row, actor: Any) -> str:
    if row.is_for_users and isinstance(actor, AnonymousUser):
        return "no"
    if row.about is None:
        return "yes" if row.may(actor) else "no"
    of_others, of_own = row.may(actor, row.about(STRANGER)), actor.pk and row.may(actor, row.about(actor.pk))
    return "yes" if of_others else "own" if of_own else "no"


def _scopes() -> Iterator[str]:
    yield "| Scope | Subscriber | Author | Editor | Admin |"
    yield "|---|---|---|---|---|"
    for scope in Scope:
        yield f"| `{scope}` | {' | '.join(_cell_of_scope(scope, role) for role in Role)} |"


def _cell_of_scope(scope: Scope, role: Role) -> str:
    alone, in_groups = (scope in policy.scopes_open_to(Person(role, is_in_groups=given)) for given in (False, True))
    return "yes" if alone else "by a group" if in_groups else "no"
