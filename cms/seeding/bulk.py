"""Bulk content: any number of posts and users, the same for the same seed, made in batches of bounded size.

It is load, not history: bulk rows carry neither revisions nor audit events.
"""

import datetime
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import batched
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.db.models import Case, F, Value, When

from cms.choices import ContentFormat, Role, Status, Visibility
from cms.ids import random_uuid7
from cms.models import Category, Post, SearchDocument, Tag, User
from cms.policy import SYSTEM
from cms.search.documents import analyse, document_of
from cms.seeding.words import ADJECTIVES, NOUNS, PARAGRAPHS, TOPICS
from cms.services.categories import create_category
from cms.services.tags import create_tag
from cms.text.rendering import derive_excerpt, plain_text, reading_time_min, render_html
from cms.text.slugs import slugify

BATCH = 1_000
LANGUAGE = "en"
NEWEST = datetime.datetime(2026, 10, 31, 12, tzinfo=datetime.UTC)
SPAN_S = 10 * 365 * 24 * 3600
CATEGORIES = ("Field notes", "Workshop", "Archive", "Letters", "Data", "Travel", "Reviews", "Questions")
# Nine of ten posts are public; readers must never see the tenth.
HIDDEN: tuple[dict[str, Any], ...] = (
    {"status": Status.DRAFT},
    {"status": Status.ARCHIVED},
    {"status": Status.PUBLISHED, "visibility": Visibility.PRIVATE},
    {"status": Status.PUBLISHED, "is_scheduled": True},
)

# Rendered once: the HTML of paragraphs that stand together is their HTML joined.
_RENDERED = [render_html(paragraph, ContentFormat.MARKDOWN) for paragraph in PARAGRAPHS]
_PLAIN = [plain_text(html) for html in _RENDERED]
# So are their words: a paragraph ends between two of them.
_ANALYSED = [analyse(text, LANGUAGE).strip() for text in _PLAIN]


def seed_bulk_users(count: int, *, rng_seed: int, advance: Callable[[int], None]) -> int:
    """Make sure that bulk users 1..count exist; return how many were made. Nobody can sign in as one."""
    made = 0
    password = make_password(None)
    for numbers in batched(range(1, count + 1), BATCH):
        names = {f"reader_{rng_seed}_{number}": number for number in numbers}
        for present in User.objects.filter(username__in=names).values_list("username", flat=True):
            del names[present]
        User.objects.bulk_create(_bulk_user(name, number, rng_seed, password) for name, number in names.items())
        made += len(names)
        advance(len(numbers))
    return made


def seed_bulk_posts(count: int, *, rng_seed: int, now: datetime.datetime, advance: Callable[[int], None]) -> int:
    """Make sure that bulk posts 1..count exist, in batches that are each whole; return how many were made."""
    authors = list(User.objects.filter(role__in=[Role.AUTHOR, Role.EDITOR, Role.ADMIN]).order_by("username")[:50])
    tags, categories = _tags(now), _categories(now)
    made = 0
    for numbers in batched(range(1, count + 1), BATCH):
        slugs = {number: f"sample-{rng_seed}-{number}" for number in numbers}
        present = set(Post.objects.filter(slug__in=slugs.values()).values_list("slug", flat=True))
        missing = {number: slug for number, slug in slugs.items() if slug not in present}
        with transaction.atomic():
            _insert_batch(missing, rng_seed, authors, tags, categories)
        made += len(missing)
        advance(len(numbers))
    if made:
        _refresh_statistics()
    return made


def _refresh_statistics() -> None:
    """Count the rows: until PostgreSQL knows how many there are, it reads all posts where an index would do.

    Autovacuum comes later.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "ANALYZE cms_post, cms_post_tags, cms_post_categories, cms_searchdocument, cms_tag, cms_category"
            )


def _insert_batch(
    slugs: dict[int, str], rng_seed: int, authors: list[User], tags: list[Tag], categories: list[Category]
) -> None:
    posts: list[Post] = []
    documents: list[SearchDocument] = []
    tag_links: list[Any] = []
    category_links: list[Any] = []
    for number, slug in slugs.items():
        rng = random.Random(f"{rng_seed}:{number}")
        post, words = _bulk_post(number, slug, rng, authors)
        posts.append(post)
        documents.append(SearchDocument(post_id=post.pk, **document_of(post, words)))
        # The first of a list are drawn far more often than the last, as in a real vocabulary.
        drawn = {tags[int(len(tags) * rng.random() ** 2)] for _ in range(rng.randint(1, 5))}
        tag_links += [Post.tags.through(post_id=post.pk, tag_id=tag.pk) for tag in sorted(drawn, key=lambda t: t.slug)]
        category_links.append(Post.categories.through(post_id=post.pk, category_id=rng.choice(categories).pk))
    Post.objects.bulk_create(posts)
    SearchDocument.objects.bulk_create(documents)
    Post.tags.through._default_manager.bulk_create(tag_links)
    Post.categories.through._default_manager.bulk_create(category_links)
    counted = {post.pk for post in posts if post.is_counted}
    _add_counts(Tag, "usage_count", (link.tag_id for link in tag_links if link.post_id in counted))
    _add_counts(Category, "post_count", (link.category_id for link in category_links if link.post_id in counted))


def _add_counts(model: type[Tag] | type[Category], field: str, ids: Iterable[uuid.UUID]) -> None:
    """One statement for all rows, once they are locked in the order of ids, as everywhere."""
    gained = Counter(ids)
    rows = model.objects.filter(pk__in=gained)
    list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    cases = [When(pk=pk, then=Value(number)) for pk, number in gained.items()]
    rows.update(**{field: F(field) + Case(*cases, default=Value(0))})


def _bulk_post(number: int, slug: str, rng: random.Random, authors: list[User]) -> tuple[Post, str]:
    """With the words of its content, as the search has them."""
    created_at = NEWEST - datetime.timedelta(seconds=rng.randrange(SPAN_S))
    state: dict[str, Any] = {"status": Status.PUBLISHED}
    if number % 10 == 0:
        state = dict(HIDDEN[number // 10 % len(HIDDEN)])
    is_scheduled = state.pop("is_scheduled", False)
    chosen = rng.sample(range(len(PARAGRAPHS)), rng.randint(3, 8))
    text = " ".join(_PLAIN[index] for index in chosen)
    post = Post(
        id=random_uuid7(created_at, rng),
        title=f"{rng.choice(ADJECTIVES).capitalize()} {rng.choice(NOUNS)}, no. {number}",
        slug=slug,
        content="\n\n".join(PARAGRAPHS[index] for index in chosen) + "\n",
        content_html="".join(_RENDERED[index] for index in chosen),
        excerpt=derive_excerpt(text),
        reading_time_min=reading_time_min(text),
        language=LANGUAGE,
        author=rng.choice(authors),
        created_at=created_at,
        updated_at=created_at,
        published_at=NEWEST.replace(year=2036) if is_scheduled else created_at,
        **state,
    )
    if post.status == Status.DRAFT:
        post.published_at = None
    post.is_counted = post.is_public(NEWEST)
    post.settles_at = post.published_at if is_scheduled else None
    return post, f" {' '.join(_ANALYSED[index] for index in chosen)} "


def _bulk_user(name: str, number: int, rng_seed: int, password: str) -> User:
    rng = random.Random(f"user:{rng_seed}:{number}")
    created_at = NEWEST - datetime.timedelta(seconds=rng.randrange(SPAN_S))
    return User(
        id=random_uuid7(created_at, rng),
        username=name,
        email=f"{name}@example.net",
        display_name=f"Reader {number}",
        password=password,
        is_vouched_for=True,
        created_at=created_at,
        updated_at=created_at,
    )


def _tags(now: datetime.datetime) -> list[Tag]:
    slugs = {slugify(name, fallback="tag"): name for name in TOPICS}
    present = {tag.slug: tag for tag in Tag.objects.filter(slug__in=slugs)}
    return [
        present.get(slug) or create_tag(actor=SYSTEM, fields={"name": name, "slug": slug}, now=now)
        for slug, name in slugs.items()
    ]


def _categories(now: datetime.datetime) -> list[Category]:
    slugs = {f"sample-{slugify(name, fallback='category')}": name for name in CATEGORIES}
    present = {category.slug: category for category in Category.objects.filter(slug__in=slugs)}
    return [
        present.get(slug) or create_category(actor=SYSTEM, fields={"name": name, "slug": slug}, now=now)
        for slug, name in slugs.items()
    ]
