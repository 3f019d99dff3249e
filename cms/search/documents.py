"""Writing the index: one document a post, in the transaction of the change, and all of them again.

Who changes a post's texts calls `index_posts`; nothing else does, so a row written past the services isn't found.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import batched, islice
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from cms.models import Post, SearchDocument
from cms.search.english import english_key, is_english
from cms.search.words import iter_keys, keys_of
from cms.text.rendering import plain_text

BATCH: Final = 200
# Columns a document depends on: a change of any other leaves it as it is.
SOURCE_FIELDS: Final = frozenset({"title", "excerpt", "content", "content_format", "language"})
READ: Final = ("title", "excerpt", "content_html", "language")
COLUMNS: Final = ("suggestion", "title", "excerpt", "content")
# A tsvector of PostgreSQL holds less than a MiB, and a larger one fails the insert. Each word takes its bytes, each of
# its first 256 places 2, each word up to 4 more; the rest is room for what the three texts repeat.
VECTOR_BYTES_MAX: Final = 800_000
PLACES_MAX: Final = 256
# No text so short reaches the limit: a character costs at most 3 bytes (a word of one letter, a blank, its place).
CHARACTERS_PER_CHARACTER: Final = 35
"""One character of a text becomes no more in the index: an Arabic ligature stands for four words of foreign letters."""
CHARACTERS_SAFE: Final = 250_000
WORDS_MAX: Final = 400_000
"""No more words of a content are indexed. Scripts without blanks have one for each character, others never so many."""


def index_posts(posts: Iterable[Post]) -> None:
    """Write the documents of these posts, whose rows exist and whose texts are the stored ones."""
    for group in batched(posts, BATCH):
        _write([SearchDocument(post_id=post.pk, **document_of(post)) for post in group])


def index_post(post: Post, content: str | None) -> None:
    """Index one post as `index_posts` does. `content` are the words of its content, if known: `analyse_content`."""
    _write([SearchDocument(post_id=post.pk, **document_of(post, content))])


def _write(documents: list[SearchDocument]) -> None:
    SearchDocument.objects.bulk_create(documents, update_conflicts=True, unique_fields=["post"], update_fields=COLUMNS)


def reindex(on_progress: Callable[[int], None] | None = None) -> int:
    """Write every document again, and on SQLite the FTS5 table from them; how many there are.

    One post is read, and locked, at a time: long texts take seconds, and writers of other posts wait for none of them.
    """
    written, keys = 0, Post.objects.order_by("pk").values_list("pk", flat=True)
    group = list(keys[:BATCH])
    while group:
        indexed = sum(map(_index_again, group))
        written += indexed
        if on_progress is not None:
            on_progress(indexed)
        group = list(keys.filter(pk__gt=group[-1])[:BATCH])
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO cms_searchdocument_fts(cms_searchdocument_fts) VALUES ('rebuild')")
    return written


def _index_again(key: UUID) -> bool:
    """Write the document of a post if its texts are still those that were read: who changes them indexes them.

    Returns whether there is such a post.
    """
    post = Post.objects.filter(pk=key).only(*READ).first()
    if post is None:
        return False
    document = SearchDocument(post_id=key, **document_of(post))
    texts = {name: getattr(post, name) for name in READ}
    with transaction.atomic():
        if Post.objects.select_for_update(no_key=True).filter(pk=key, **texts).values_list("pk"):
            _write([document])
    return True


def document_of(post: Any, content: str | None = None) -> dict[str, str]:
    """Return the columns of a document. Accepts any object with a post's fields, such as the posts of a migration.

    `content` are the words of its content where they are known.
    """
    title, excerpt = analyse(post.title, post.language), analyse(post.excerpt, post.language)
    left = VECTOR_BYTES_MAX - 3 * (len(title) + len(excerpt))
    if content is None:
        content = analyse_content(plain_text(post.content_html), post.language)
    return {
        "suggestion": _joined(keys_of(post.title)),
        "title": title,
        "excerpt": excerpt,
        "content": _cut_to_fit(content, left),
    }


def analyse(text: str, language: str) -> str:
    """Return the words of `text` as the index of its language holds them, between blanks; empty when there are none."""
    keys = keys_of(text)
    return _joined(map(english_key, keys) if is_english(language) else keys)


def _joined(keys: Iterable[str]) -> str:
    words = " ".join(keys)
    return f" {words} " if words else ""


def analyse_content(text: str, language: str) -> str:
    """Return the words as `analyse` does, of a long text no more than the index can hold."""
    if len(text) <= CHARACTERS_SAFE // CHARACTERS_PER_CHARACTER:
        return analyse(text, language)
    keys = iter_keys(text)
    return _joined(_fitting(map(english_key, keys) if is_english(language) else keys, VECTOR_BYTES_MAX))


def _cut_to_fit(content: str, left: int) -> str:
    """Return `content` as far as PostgreSQL can hold it; on SQLite as well, so that both find the same."""
    return content if len(content) <= CHARACTERS_SAFE else _joined(_fitting(content.split(), left))


def _fitting(words: Iterable[str], left: int) -> Iterator[str]:
    """Yield the first words, as many as fit into so many bytes of a vector."""
    places = Counter[str]()
    for word in islice(words, WORDS_MAX):
        places[word] += 1
        left -= len(word) + 6 if places[word] == 1 else 2 if places[word] <= PLACES_MAX else 0
        if left < 0:
            return
        yield word
