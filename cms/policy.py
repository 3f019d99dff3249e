"""Who may do what, by role. Predicates only; services raise, querysets filter."""

import uuid
from collections.abc import Collection
from typing import Final, Protocol, TypeGuard

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from cms.choices import Role, Scope


# Models import querysets, and these import the policy: a model's name here would close a cycle, so protocols stand in.
class Account(Protocol):
    """The part of a `User` that the rules read."""

    @property
    def pk(self) -> uuid.UUID: ...
    @property
    def role(self) -> str: ...
    @property
    def is_active(self) -> bool: ...
    @property
    def is_authenticated(self) -> bool: ...
    def has_perm(self, perm: str) -> bool: ...


class AuthoredPost(Protocol):
    """The part of a `Post` that the rules read."""

    def is_written_by(self, user_id: uuid.UUID) -> bool: ...


class AuthoredComment(Protocol):
    """The part of a `Comment` that the rules read."""

    @property
    def author_id(self) -> uuid.UUID | None: ...


class UploadedFile(Protocol):
    """The part of a `MediaFile` that the rules read."""

    @property
    def uploaded_by_id(self) -> uuid.UUID: ...


class SystemActor:
    """Anyone who has a shell on the server: commands act as it. It may do everything, and has no user behind it."""

    pk: Final = None
    role: Final = Role.ADMIN
    is_active: Final = True
    is_authenticated: Final = True


SYSTEM: Final = SystemActor()

type Actor = Account | AnonymousUser | SystemActor

RANK: Final = {Role.SUBSCRIBER: 1, Role.AUTHOR: 2, Role.EDITOR: 3, Role.ADMIN: 4}

# The lowest role that may do anything of what a scope is about.
SCOPE_ROLES: Final = {
    Scope.POSTS_READ: Role.SUBSCRIBER,
    Scope.COMMENTS_WRITE: Role.SUBSCRIBER,
    Scope.POSTS_WRITE: Role.AUTHOR,
    Scope.MEDIA_WRITE: Role.AUTHOR,
    Scope.USERS_READ: Role.ADMIN,
    Scope.USERS_WRITE: Role.ADMIN,
}
SCOPE_PERMISSIONS: Final = {
    Scope.ROLLOUT_READ: "canary.view",
    Scope.ROLLOUT_RAMP: "canary.ramp",
    Scope.ROLLOUT_ROLLBACK: "canary.rollback",
    Scope.ROLLOUT_LIFECYCLE: "canary.lifecycle",
    Scope.ROLLOUT_SYNTHETIC: "canary.synthetic",
}


# The lowest role that has to have one.
_SECOND_FACTOR_FROM: Final = {"admins": Role.ADMIN, "staff": Role.AUTHOR}


def _has_rank(actor: Actor, role: Role) -> bool:
    if isinstance(actor, AnonymousUser):
        return False
    return actor.is_active and RANK[Role(actor.role)] >= RANK[role]


def is_known(actor: Actor) -> TypeGuard[Account]:
    """Whether an active user stands behind the request."""
    return actor.pk is not None and actor.is_active


def is_oneself(actor: Actor, account: Account) -> bool:
    """Whether the active user behind the request is this very account."""
    return is_known(actor) and actor.pk == account.pk


def may_comment(actor: Actor) -> bool:
    return _has_rank(actor, Role.SUBSCRIBER)


def may_comment_as_guest(actor: Actor) -> bool:
    """Whether somebody without an account may, which the site decides. A moderator looks at each such comment."""
    return settings.COMMENTS_BY_GUESTS and isinstance(actor, AnonymousUser)


def may_write_posts(actor: Actor) -> bool:
    return _has_rank(actor, Role.AUTHOR)


def may_edit_all_posts(actor: Actor) -> bool:
    return _has_rank(actor, Role.EDITOR)


def may_edit_post(actor: Actor, post: AuthoredPost) -> bool:
    """Allow editors every post, authors the ones they wrote or co-wrote."""
    return may_edit_all_posts(actor) or (is_known(actor) and may_write_posts(actor) and post.is_written_by(actor.pk))


def may_edit_post_of(actor: Actor, author_ids: Collection[uuid.UUID]) -> bool:
    """Decide the same for a row of a list, whose author and co-authors are known by id: no query."""
    return may_edit_all_posts(actor) or (may_write_posts(actor) and actor.pk in author_ids)


def may_purge_posts(actor: Actor) -> bool:
    """Return whether the actor may delete any trashed post for ever."""
    return _has_rank(actor, Role.ADMIN)


def may_name_co_author(actor: Actor, co_author: Account) -> bool:
    """Who is named becomes public with the post: authors name those who write posts, editors anybody."""
    return may_edit_all_posts(actor) or may_write_posts(co_author)


def may_moderate(actor: Actor) -> bool:
    return _has_rank(actor, Role.EDITOR)


def may_edit_comment(actor: Actor, comment: AuthoredComment) -> bool:
    """Allow moderators to edit and delete every comment, everybody else their own."""
    return may_moderate(actor) or (is_known(actor) and comment.author_id == actor.pk)


def may_manage_terms(actor: Actor) -> bool:
    return _has_rank(actor, Role.EDITOR)


def may_manage_users(actor: Actor) -> bool:
    return _has_rank(actor, Role.ADMIN)


def may_upload_media(actor: Actor) -> bool:
    return _has_rank(actor, Role.AUTHOR)


def may_edit_all_media(actor: Actor) -> bool:
    return _has_rank(actor, Role.EDITOR)


def may_edit_media(actor: Actor, media: UploadedFile) -> bool:
    """Allow editors to change and delete every file, authors those that they have uploaded."""
    return may_edit_all_media(actor) or (may_upload_media(actor) and media.uploaded_by_id == actor.pk)


def may_manage_own_keys(actor: Actor) -> bool:
    """Return whether the actor has an account: every user has API keys."""
    return is_known(actor)


def may_manage_all_keys(actor: Actor) -> bool:
    return _has_rank(actor, Role.ADMIN)


def scopes_open_to(user: Account) -> frozenset[Scope]:
    """Return the widest scopes of this user's keys: by role, and for rollouts by the permissions of their groups."""
    return frozenset(scope for scope in Scope if is_scope_open_to(user, scope))


def is_scope_open_to(user: Account, scope: Scope) -> bool:
    """Return the same for one scope: only those of rollouts ask the database, for groups."""
    if scope in SCOPE_ROLES:
        return _has_rank(user, SCOPE_ROLES[scope])
    return user.is_active and user.has_perm(SCOPE_PERMISSIONS[scope])


def may_administer(actor: Actor) -> bool:
    """Return whether the actor may do what is for admins and has no predicate of its own."""
    return _has_rank(actor, Role.ADMIN)


def needs_second_factor(user: Account) -> bool:
    """Whether the user's role has to sign in with a second factor, by the setting REQUIRE_SECOND_FACTOR."""
    role = _SECOND_FACTOR_FROM.get(settings.REQUIRE_SECOND_FACTOR)
    return role is not None and RANK[Role(user.role)] >= RANK[role]


def may_see_audit(actor: Actor) -> bool:
    return _has_rank(actor, Role.ADMIN)


def may_transfer(actor: Actor) -> bool:
    """Allow importing and exporting content: both touch everything, people's addresses too."""
    return _has_rank(actor, Role.ADMIN)


def may_manage_webhooks(actor: Actor) -> bool:
    return _has_rank(actor, Role.ADMIN)
