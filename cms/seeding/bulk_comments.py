"""Comments in bulk under bulk posts: the same for the same seed, made in batches of bounded size."""

import datetime
import random
import uuid
from collections.abc import Callable
from itertools import batched

from cms.choices import CommentStatus
from cms.ids import random_uuid7
from cms.models import Comment, Post, User
from cms.seeding.bulk import BATCH
from cms.seeding.words import ADJECTIVES, NOUNS

POSTS_OF_A_BLOCK = 10
BLOCK = 2 * POSTS_OF_A_BLOCK
LATEST_S = 30 * 24 * 3600  # after the post

type Found = dict[str, tuple[uuid.UUID, datetime.datetime]]
"""Id and `created_at` of posts by slug."""


def seed_bulk_comments(count: int, *, rng_seed: int, advance: Callable[[int], None]) -> int:
    """Make sure that bulk comments 1..count exist, as far as their posts do; return how many were made.

    Each twenty are under ten posts, the first of which have the most.
    """
    authors = list(User.objects.filter(is_active=True).order_by("username")[:200])
    made = 0
    for numbers in batched(range(1, count + 1), BATCH):
        first, last = (_block(number) * POSTS_OF_A_BLOCK for number in (numbers[0], numbers[-1] + BLOCK))
        slugs = [f"sample-{rng_seed}-{number}" for number in range(first + 1, last + 1)]
        rows = Post.objects.filter(slug__in=slugs).values_list("slug", "pk", "created_at")
        posts: Found = {slug: (pk, created_at) for slug, pk, created_at in rows}
        comments = {one.pk: one for number in numbers if (one := _bulk_comment(number, rng_seed, posts, authors))}
        for present in Comment.objects.filter(pk__in=comments).values_list("pk", flat=True):
            del comments[present]
        Comment.objects.bulk_create(comments.values())
        made += len(comments)
        advance(len(numbers))
    return made


def _block(number: int) -> int:
    return (number - 1) // BLOCK


def _bulk_comment(number: int, rng_seed: int, posts: Found, authors: list[User]) -> Comment | None:
    rng = random.Random(f"comment:{rng_seed}:{number}")
    place = _block(number) * POSTS_OF_A_BLOCK + int(POSTS_OF_A_BLOCK * rng.random() ** 2) + 1
    found = posts.get(f"sample-{rng_seed}-{place}")
    if found is None:
        return None
    post_id, written_at = found
    created_at = written_at + datetime.timedelta(seconds=rng.randrange(1, LATEST_S))
    pk = random_uuid7(created_at, rng)
    drawn = [f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}" for _ in range(rng.randint(2, 40))]
    return Comment(
        id=pk,
        post_id=post_id,
        author=rng.choice(authors),
        text=f"{', '.join(drawn).capitalize()}.",
        # One in ten waits for a moderator.
        status=CommentStatus.PENDING if number % 10 == 0 else CommentStatus.PUBLISHED,
        thread_path=pk.hex,
        created_at=created_at,
        updated_at=created_at,
    )
