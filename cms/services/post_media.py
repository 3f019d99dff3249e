"""The files that a post shows: its featured image, and those in its content.

Both make a file as public as the post, so only a person who can see the file already may put it there.
"""

import datetime
import re
import unicodedata
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet, UUIDField
from django.utils.translation import gettext_noop

from cms import limits
from cms.db.compiled import Given, Row, compiled
from cms.errors import FieldError, InvalidInput, sentence
from cms.models import MediaFile, Post, User
from cms.policy import SYSTEM, Actor
from cms.querysets.posts import kept_text
from cms.services.prepared import is_under_lock
from cms.text.turns import text_turn

# Addresses of a file, of its renditions and of its bytes all have its id after this word. Sanitised HTML quotes with ".
_ADDRESS = re.compile(r'\s(?:src|href)="((?>[^"]*?/(?:media|renditions)/)[^"]*+)"')
_ID: Final = re.compile(
    r"(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?![0-9a-f])", re.I
)
_CODED: Final = re.compile(r"&(?:#(?:x0*([0-9a-f]{2,4})|0*([0-9]{2,5}));?|[a-z][a-z0-9]{1,31};)", re.I)
"""A character as HTML and Markdown may write it; no named entity is a digit."""
_ESCAPED: Final = re.compile(r"%(?:25)*([0-9a-f]{2})()", re.I)
"""A character as addresses may write it."""
_CODED_MAX: Final = 20_000
"""Codes of a text that are decoded, in about the time of a megabyte of prose."""
_MARKUP: Final = re.compile(r"<[^<>]*>")
_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_LOWER: Final = bytes.maketrans(b"ABCDEF", b"abcdef")
_NO_DIGITS: Final = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))
_RANDOM: Final = 20
"""The last digits of an id. Before them stands its time, which files of one minute share in part."""
_RUN: Final = 6
_STEP: Final = 3
"""Runs of six digits at each third place: all eight digits in a row have one. So has an id with one place changed.

By chance, one file in 10,000 has such a run in a text that shows ten others.
"""
_TEXTS: Final = ("content", "title", "slug", "excerpt", "meta_title", "meta_description")
NO_SUCH_IMAGE: Final = gettext_noop("There is no such image, or you can't see it.")
_REVISIONS_AT_ONCE: Final = 10
"""Each may be a megabyte."""
_REVISIONS_MAX: Final = 1_000
_CHARACTERS_MAX: Final = 10_000_000
"""Both of all that is read before a draft is applied, in a second or two at worst."""
_ALONE_MAX: Final = 200
"""Revisions of one writer. SQLite reads through each text to see who wrote it."""
_SEARCH_S: Final = 1.0
_NOBODY: Final = uuid.UUID(int=0)


def hold_featured_image(actor: Actor, image: MediaFile | None, now: datetime.datetime) -> None:
    """Keep the image from being deleted until the transaction ends.

    Raises InvalidInput if `actor` can't see it, or if it is not an image.
    """
    if image is None:
        return
    seen = MediaFile.objects.visible_to(actor, now).select_for_update(no_key=True, of=("self",)).filter(pk=image.pk)
    held = seen.first()
    if held is None:
        raise InvalidInput([FieldError("featured_image", "missing", NO_SUCH_IMAGE)])
    if not held.is_image:
        raise InvalidInput([FieldError("featured_image", "not_an_image", "This file is no image.")])


def link_embedded_media(actor: Actor, post: Post, now: datetime.datetime, *, before: Iterable[str] = ()) -> None:
    """Remember which files the post's content shows, if the person who inserted each can see it.

    `before` are the texts that the post had until now. `actor` inserts the files whose ids stand in none of them, and
    all files of a post that nobody else has written. The others are linked only if they are public, because
    nobody knows here who named them. Raises InvalidInput for too many.
    """
    named = _files_of(post.content_html)
    linked = linked_media(post) if before else frozenset()
    if wanted := named - linked:
        old = _held_in(before, wanted)
        if old and _wrote_alone(actor, post):
            old = set()
        _link(post, wanted - old, actor, now)
        _link(post, old, AnonymousUser(), now)
    if gone := linked - named:
        _links_of(post.pk).filter(mediafile_id__in=gone).delete()


def _held_in(texts: Iterable[str], media_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return the ids that stand anywhere in the texts, not only in addresses."""
    runs = _runs_of(media_ids)
    found: set[uuid.UUID] = set()
    for text in texts:
        found |= _standing_in(text, runs)
    return found


def _wrote_alone(actor: Actor, post: Post) -> bool:
    """Return whether all revisions are by `actor`, who may then correct their own typos."""
    authors = [*post.revisions.order_by("number").values_list("author_id", flat=True)[: _ALONE_MAX + 1]]
    return isinstance(actor, User) and len(authors) <= _ALONE_MAX and {*authors} == {actor.pk}


class FirstNamers:
    """Who first named each file in the revisions of a post. Most are read before the post is locked.

    The oldest revisions are read, up to fixed bounds. Nobody has named a file that stands in none of these: a later one
    may be by somebody else who can see it.
    """

    def __init__(self, post: Post, content_html: str) -> None:
        """`content_html` is the post's next content. Waits for the turn of long texts.

        Raises Busy, and InvalidInput for too many files.
        """
        self._post, named = post, _files_of(content_html)
        self._expected = named - linked_media(post) if named else named
        self._revisions_left, self._characters_left = _REVISIONS_MAX, _CHARACTERS_MAX
        with text_turn(_SEARCH_S if self._expected and not is_under_lock() else 0.0):
            self._found, self._read_to = self._search(self._expected)

    def by_author(self, media_ids: Collection[uuid.UUID]) -> Iterator[tuple[Actor, set[uuid.UUID]]]:
        """Yield the first author of each id: the system for an imported revision, nobody where no revision has it."""
        unknown = frozenset(media_ids) - self._found.keys()
        later, _ = self._search(unknown & self._expected, after=self._read_to)
        others, _ = self._search(unknown - self._expected)
        authors = {**self._found, **later, **others}
        users = User.objects.in_bulk({pk for pk in authors.values() if pk})
        for pk in {authors.get(media_id, _NOBODY) for media_id in media_ids}:
            actor = SYSTEM if pk is None else users.get(pk, AnonymousUser())
            yield actor, {media_id for media_id in media_ids if authors.get(media_id, _NOBODY) == pk}

    def _search(
        self, media_ids: Iterable[uuid.UUID], *, after: int = 0
    ) -> tuple[dict[uuid.UUID, uuid.UUID | None], int]:
        """Return the author of the first revision with each id, and the number of the last one that was read."""
        sought = set(media_ids)
        found: dict[uuid.UUID, uuid.UUID | None] = {}
        last = after
        while sought and self._may_read:
            rows = self._post.revisions.filter(number__gt=last).order_by("number")[:_REVISIONS_AT_ONCE]
            read = list(rows.values_list("number", "author_id", *map(kept_text, _TEXTS)))
            for number, author_id, *texts in read:
                last, text = number, "\n".join(filter(None, texts))
                self._note_read(text)
                named = _occurring(sought, text)
                found |= dict.fromkeys(named, author_id)
                sought -= named
                if not (sought and self._may_read):
                    break
            if len(read) < _REVISIONS_AT_ONCE:
                break
        return found, last

    def _note_read(self, text: str) -> None:
        self._revisions_left -= 1
        self._characters_left -= len(text)

    @property
    def _may_read(self) -> bool:
        return self._revisions_left > 0 and self._characters_left > 0


def unlink_planted_media(
    post: Post, linked_before: Collection[uuid.UUID], now: datetime.datetime, namers: FirstNamers
) -> None:
    """Take back the links that applying a revision has made, where the one who first named the file can't see it."""
    if new := linked_media(post) - frozenset(linked_before):
        _links_of(post.pk).filter(mediafile_id__in=new).delete()
        for actor, media_ids in namers.by_author(new):
            _link(post, media_ids, actor, now)


def _occurring(sought: Iterable[uuid.UUID], text: str) -> set[uuid.UUID]:
    """Return the ids of which digits stand in a revision's texts."""
    return _standing_in(text, _runs_of(sought))


def _runs_of(media_ids: Iterable[uuid.UUID]) -> dict[bytes, set[uuid.UUID]]:
    runs: dict[bytes, set[uuid.UUID]] = {}
    for media_id in media_ids:
        digits = media_id.hex[-_RANDOM:].encode()
        for at in range(_RANDOM - _RUN + 1):
            runs.setdefault(digits[at : at + _RUN], set()).add(media_id)
    return runs


def _standing_in(text: str, runs: Mapping[bytes, set[uuid.UUID]]) -> set[uuid.UUID]:
    """Return the ids of which a run of digits stands in the text, in any spelling: somebody may correct it later.

    A text with too many codes may hold each of them.
    """
    found: set[uuid.UUID] = set()
    decoded = _decoded(text)
    if decoded is None:
        return found.union(*runs.values())
    for digits in {_digits_of(text), _digits_of(decoded), _digits_of(_MARKUP.sub("", decoded))}:
        for at in range(0, len(digits) - _RUN + 1, _STEP):
            if media_ids := runs.get(digits[at : at + _RUN]):
                found |= media_ids
    return found


def _digits_of(text: str) -> bytes:
    """Return the hexadecimal digits alone, so that nothing between them separates them."""
    if not text.isascii():
        text = text.translate(_foreign_digits())
    return text.encode("ascii", "ignore").translate(_LOWER, _NO_DIGITS)


@lru_cache
def _foreign_digits() -> dict[int, str]:
    """Return the digits of all scripts, as Arabic and Japanese keyboards write them, and those of other shapes."""
    digits = {}
    for code in range(0x80, 0x20000):  # Unicode has none beyond
        character = chr(code)
        plain = str(unicodedata.decimal(character, "")) or unicodedata.normalize("NFKC", character)
        if plain in _DIGITS:
            digits[code] = plain
    return digits


def _decoded(text: str) -> str | None:
    """Return the text with each digit as itself; None for too many codes."""
    for _ in range(2):  # some tools code the codes again
        text = text.replace("&amp;", "&")
    for pattern in (_CODED, _ESCAPED):
        text, count = pattern.subn(_character, text, _CODED_MAX)
        if count == _CODED_MAX:
            return None
    return text


def _character(code: re.Match[str]) -> str:
    if hexadecimal := code[1]:
        return chr(int(hexadecimal, 16))
    return chr(int(code[2])) if code[2] else ""


def _link(post: Post, media_ids: Collection[uuid.UUID], actor: Actor, now: datetime.datetime) -> None:
    """Link those of the files that `actor` can see, and keep them from being deleted until the transaction ends."""
    if media_ids:
        seen = MediaFile.objects.visible_to(actor, now).select_for_update(no_key=True, of=("self",))
        post.embedded_media.add(*seen.filter(pk__in=media_ids).order_by("pk").only("pk"))


def linked_media(post: Post) -> frozenset[uuid.UUID]:
    """Return the ids of the files that the post's content makes as visible as the post."""
    return frozenset(row["mediafile_id"] for row in _ids_linked.rows(None, post=post.pk))


@compiled(post=UUIDField())
def _ids_linked(_: None, given: Given) -> QuerySet[Any, Row]:
    return _links_of(given.post).values("mediafile_id")


def _links_of(post_id: Any) -> QuerySet[Any]:
    links: QuerySet[Any] = Post.embedded_media.through.objects.filter(post_id=post_id)
    return links


def _files_of(content_html: str) -> frozenset[uuid.UUID]:
    named = media_ids_in(content_html)
    if len(named) > limits.FILES_PER_TEXT_MAX:
        message = sentence("At most %(most)s files are allowed in a text.", most=limits.FILES_PER_TEXT_MAX)
        raise InvalidInput([FieldError("content", "too_many_files", message)])
    return named


def media_ids_in(content_html: str) -> frozenset[uuid.UUID]:
    """Return the ids in the addresses of pictures and links to media."""
    addresses = (match[1] for match in _ADDRESS.finditer(content_html))
    return frozenset(uuid.UUID(found) for address in addresses for found in _ID.findall(address))


def with_media_below(content_html: str, base_url: str) -> str:
    """Return the HTML with absolute addresses for this site's files, which begin with `base_url`."""

    def replaced(match: re.Match[str]) -> str:
        is_of_site = match[1].startswith("/") and not match[1].startswith("//") and _ID.search(match[1])
        return match[0].replace(match[1], f"{base_url}{match[1]}") if is_of_site else match[0]

    return _ADDRESS.sub(replaced, content_html) if base_url else content_html


def with_media_at(content_html: str, address_of: Callable[[uuid.UUID], str]) -> str:
    """Return the HTML with other addresses for this site's files: those that a reader may ask who can't ask the API.

    Renditions are replaced by the files that they were made of.
    """

    def replaced(match: re.Match[str]) -> str:
        ids = _ID.findall(match[1]) if match[1].startswith("/") else []
        return match[0].replace(match[1], address_of(uuid.UUID(ids[0]))) if ids else match[0]

    return _ADDRESS.sub(replaced, content_html)
