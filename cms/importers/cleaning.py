"""Making values of a source fit the domain's limits. Each change is noted on the way; nothing is cut in silence."""

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from cms import limits
from cms.importers.items import Change, Changes
from cms.models import Category, Post, Tag
from cms.services.checks import check_language, check_text
from cms.services.slugs import free_number
from cms.services.tags import tag_name_errors
from cms.text.slugs import numbered, slug_problem, slugify

_HTML_TAG = re.compile(
    r"</?(?:a|abbr|b|big|br|cite|code|del|div|em|font|h[1-6]|i|img|ins|kbd|mark|p|q|s|script|small|span|strike|strong"
    r"|style|sub|sup|time|tt|u|var)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Notes(Changes):
    """The changes made while one object was written. With `is_exact`, a value that the domain allows is not changed."""

    def __init__(self, *, is_exact: bool = False) -> None:
        super().__init__()
        self.is_exact = is_exact

    def note(self, name: str, original: Any, value: Any, reason: str) -> None:
        self.append(Change(name, original, value, reason))


def plain_text_of(markup: str) -> str:
    """Return the text of a title or a name in HTML. A `<` that begins no tag of a title stays as it is."""
    return html.unescape("".join(_HTML_TAG.sub("", piece) for piece in _between_comments(markup))).strip()


def _between_comments(markup: str) -> Iterator[str]:
    """Yield what stands around comments. A comment without an end is text."""
    place = 0
    while (begin := markup.find("<!--", place)) >= 0 and (end := markup.find("-->", begin + 4)) >= 0:
        yield markup[place:begin]
        place = end + 3
    yield markup[place:]


def is_visible(text: str) -> bool:
    """Whether a reader would see anything of it: zero-width characters are not blanks, and still nothing."""
    return any(unicodedata.category(character)[0] not in "ZC" for character in text)


def storable(text: str) -> str:
    return _UNSTORABLE.sub("", text)


def fit_text(name: str, text: str, maximum: int, notes: Notes) -> str:
    """Return `text` without characters that no database stores, cut at `maximum` characters."""
    kept = storable(text)
    if kept != text:
        notes.note(name, text, kept[:maximum], "NUL characters and lone surrogates can't be stored.")
    if len(kept) <= maximum:
        return kept
    cut = kept[: maximum - 1].rstrip() + "…"
    notes.note(name, text, cut, f"At most {maximum} characters are allowed; there were {len(kept)}.")
    return cut


def fit_title(title: str, slug: str, notes: Notes) -> str:
    if notes.is_exact and not check_text("title", title, *limits.TITLE):
        return title
    stripped = title.strip()
    if not is_visible(stripped):
        stripped = " ".join(re.split(r"[-_]+", slug)).strip() or "Untitled"
        notes.note("title", title, stripped[: limits.TITLE[1]], "A title can't be empty.")
    return fit_text("title", stripped, limits.TITLE[1], notes).strip()


def fit_language(language: str, notes: Notes) -> str | None:
    """Return a BCP 47 tag, None when `language` gives none."""
    if not language:
        return None
    tag = language.strip().partition(".")[0].replace("_", "-")
    if check_language("language", tag):
        notes.note("language", language, None, "This is not a BCP 47 language tag; the default was taken.")
        return None
    if tag != language:
        notes.note("language", language, tag, "Languages are written as BCP 47 tags.")
    return tag


def fit_tag_name(name: str, notes: Notes) -> str:
    """Fit a tag's name. It may become empty; the service then refuses it."""
    if notes.is_exact and not tag_name_errors("name", name):
        return name
    spaced = " ".join("".join(c if c.isprintable() and c != "," else _blank(c) for c in name).split())
    cut = spaced[: limits.TAG_NAME[1]].strip()
    if cut != name:
        reason = f"A tag's name has 1 to {limits.TAG_NAME[1]} printable characters, no comma and no blanks around it."
        notes.note("name", name, cut, reason)
    return cut


def fit_category_name(name: str, notes: Notes) -> str:
    if notes.is_exact and not check_text("name", name, *limits.CATEGORY_NAME):
        return name
    spaced = " ".join(storable(name).split())
    cut = spaced[: limits.CATEGORY_NAME[1]].strip()
    if cut != name:
        notes.note(
            "name", name, cut, f"A category's name has 1 to {limits.CATEGORY_NAME[1]} characters, without line ends."
        )
    return cut


def choose_slug(
    model: type[Post | Tag | Category],
    wanted: str,
    derived_from: str,
    notes: Notes,
    own: Post | Tag | Category | None = None,
) -> str:
    """Return a valid, free slug: `wanted`, else one of a title or a name; a number is appended when it is taken.

    An object that already has the wanted slug with a number (`own`) keeps it.
    """
    fallback = model._meta.model_name or "item"
    valid = wanted or slugify(derived_from, fallback=fallback)
    if slug_problem(valid):
        visible = "".join(c for c in valid if unicodedata.category(c) != "Cf")
        valid = slugify(visible, fallback=fallback)
    is_kept = own is not None and _is_numbered(own.slug, valid)
    slug = own.slug if own is not None and is_kept else _free_slug(model, valid, own)
    if slug != (wanted or valid):
        reason = slug_problem(wanted) if wanted and slug == valid else "This slug is taken; a number was appended."
        notes.note("slug", wanted or valid, slug, reason or "")
    return slug


def username_from(name: str) -> str:
    """Return `name` in the letters of usernames: accents are dropped, a short or foreign name is filled up."""
    decomposed = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    word = re.sub(r"[^A-Za-z0-9_]+", "_", decomposed).strip("_")
    if len(word) < limits.USERNAME[0]:
        word = f"{word}_author".strip("_")
    return word[: limits.USERNAME[1]]


def numbered_username(username: str, number: int) -> str:
    suffix = f"_{number}"
    return username[: limits.USERNAME[1] - len(suffix)] + suffix


def _blank(character: str) -> str:
    """Return a blank for control characters and commas, which separate words; format characters don't."""
    return "" if unicodedata.category(character) == "Cf" else " "


def _is_numbered(slug: str, stem: str) -> bool:
    number = slug.rpartition("-")[2]
    return slug == stem or (number.isascii() and number.isdigit() and slug == numbered(stem, int(number)))


def _free_slug(model: type[Post | Tag | Category], slug: str, own: Post | Tag | Category | None) -> str:
    others = model._default_manager.exclude(pk=own.pk if own else None)
    reserved = limits.RESERVED_CATEGORY_SLUGS if model is Category else frozenset[str]()
    if slug not in reserved and not others.filter(slug=slug).exists():
        return slug
    return numbered(slug, free_number(lambda number: others.filter(slug=numbered(slug, number)).exists()))
