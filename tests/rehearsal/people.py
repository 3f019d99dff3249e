"""Those who use the rehearsed site: made inside a process of the app, which prints them as JSON."""

import datetime
import json

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from cms.choices import Role
from cms.models import AuthSession, Post, User
from cms.seeding.bulk import seed_bulk_users
from cms.tokens.access import Claims, make_token

LIFETIME_S = 3_600
AUTHOR_EVERY = 50


def print_people(count: int) -> None:
    """Identity and access token of each user, which posts they read, and who of them is an author, by number."""
    now = timezone.now()
    seed_bulk_users(count, rng_seed=1, advance=lambda _: None)
    users = list(User.objects.filter(username__startswith="reader_").order_by("username"))
    authors = users[::AUTHOR_EVERY]
    User.objects.filter(pk__in=[user.pk for user in authors]).update(role=Role.AUTHOR)
    tokens = _tokens(users, now)
    posts = Post.objects.visible_to(AnonymousUser(), now).values_list("pk", flat=True)
    ids = [f"user:{user.pk}" for user in users]
    made = {"ids": ids, "tokens": tokens, "posts": [str(pk) for pk in posts], "author_every": AUTHOR_EVERY}
    print(json.dumps(made))


def _tokens(users: list[User], now: datetime.datetime) -> list[str]:
    """As logins would give them, without the time that hashing a thousand passwords takes."""
    expires_at = now + datetime.timedelta(seconds=LIFETIME_S)
    made = [AuthSession(user=user, created_at=now, updated_at=now, expires_at=expires_at) for user in users]
    sessions = AuthSession.objects.bulk_create(made)
    return [make_token("access", Claims(one.user_id, one.pk, one.generation), now, LIFETIME_S) for one in sessions]
