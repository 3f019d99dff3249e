"""Content for a look at the admin site, made through the services: run inside `manage.py shell` by the fixture."""

import datetime

from django.utils import timezone

from cms.choices import CommentStatus
from cms.models import Post, User
from cms.policy import SYSTEM
from cms.services.categories import create_category
from cms.services.comments import create_comment, moderate_comment
from cms.services.post_states import archive_post, publish_post, trash_post
from cms.services.posts import create_post
from cms.services.users import create_user
from tests.browser.cast import OF_ONE_STORY, PASSWORD, ROLES, SIZES

TITLES = (
    "How we moved a library of letters online",
    "Notes from the harbour",
    "Ein Brief aus Lübeck",
    "手紙についての短い記事",
    "What a canary tells a miner, and what it never does",
    "A very long title that goes on and on, as titles do when nobody has the heart to cut them down to a length that fits",
    "Field guide to semicolons",
    "The reading room is closed on Mondays",
)


def make_content() -> None:
    now = timezone.now()
    roles = ROLES | {f"{name}_{size}": role for name, role in OF_ONE_STORY.items() for size in SIZES}
    users = {name: _make_user(name, role, now) for name, role in roles.items()}
    letters = create_category(actor=SYSTEM, fields={"name": "Letters"}, now=now)
    create_category(actor=SYSTEM, fields={"name": "Found in attics", "parent": letters}, now=now)
    posts = []
    for number, title in enumerate(TITLES):
        fields = {
            "title": title,
            "content": f"# {title}\n\nA first paragraph.\n\n- one\n- two\n",
            "language": ("en", "en", "de", "ja")[number % 4],
            "tags": ["letters", "archives", "howto"][: number % 4],
            "categories": [letters],
        }
        posts.append(create_post(actor=users["ada"], fields=fields, now=now - datetime.timedelta(hours=number)))
    for post in posts[:5]:
        publish_post(actor=SYSTEM, post=post, now=now, published_at=now - datetime.timedelta(days=1))
    publish_post(actor=SYSTEM, post=posts[5], now=now, published_at=now + datetime.timedelta(days=3))
    archive_post(actor=SYSTEM, post=posts[6], now=now)
    trash_post(actor=SYSTEM, post=posts[4], now=now)
    _make_comments(posts[0], users["sam"], now)
    for size in SIZES:
        _make_posts_of_stories(size, users, now)


def _make_posts_of_stories(size: str, users: dict[str, User], now: datetime.datetime) -> None:
    """Make posts that stories change: each has one of its own for each width."""
    long_ago = now - datetime.timedelta(days=2)
    archived, discussed = (
        create_post(actor=users["ada"], fields={"title": title, "content": "Words.", "language": "en"}, now=long_ago)
        for title in (f"Field guide to commas on a {size}", f"A letter commented on a {size}")
    )
    archive_post(actor=SYSTEM, post=archived, now=now)
    discussed = publish_post(actor=SYSTEM, post=discussed, now=now, published_at=long_ago)
    _make_comments(discussed, users["sam"], now)


def _make_comments(post: Post, writer: User, now: datetime.datetime) -> None:
    for text in ("Thank you for this, it was a pleasure to read.", "Cheap watches at my shop!", "Is there a sequel?"):
        comment = create_comment(actor=writer, post=post, fields={"text": text}, now=now)
    parent = moderate_comment(actor=SYSTEM, comment=comment, status=CommentStatus.PUBLISHED, now=now)
    for text in ("I wonder as well.", "A sequel would be splendid.", "Win a prize now!", "First!"):
        create_comment(actor=writer, post=post, fields={"text": text, "parent": parent}, now=now)


def _make_user(name: str, role: str, now: datetime.datetime) -> User:
    fields = {"username": name, "email": f"{name}@example.org", "role": role, "display_name": name.capitalize()}
    fields |= {"time_zone": "Asia/Tokyo"} if name == "tomo" else {}
    return create_user(actor=SYSTEM, fields=fields, password=PASSWORD, now=now)
