"""Slugs: lower-case letters of any script, digits, `-`, `_` and `.`; no punctuation at an end, no form of a UUID."""

import re
import unicodedata

from cms import limits
from cms.ids import parse_uuid

_PUNCTUATION = "-_."


def _is_slug_character(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" or character in _PUNCTUATION


def _is_mark(character: str) -> bool:
    """Return whether it is a mark, which can't open a slug: it would attach itself to the slash before it."""
    return unicodedata.category(character)[0] == "M"


def slugify(text: str, fallback: str) -> str:
    """Return the slug of `text`: at most 200 characters, `fallback` when none of it can stand in one."""
    lowered = unicodedata.normalize("NFKC", text).lower().replace("'", "").replace("\u2019", "")
    # Only now: without the apostrophe between them a letter and a mark become one.
    dashed = "".join(c if _is_slug_character(c) else "-" for c in unicodedata.normalize("NFC", lowered))
    slug = re.sub(r"-+", "-", dashed)[: limits.SLUG[1]].rstrip(_PUNCTUATION)
    slug = slug.lstrip(_PUNCTUATION + "".join(filter(_is_mark, slug)))
    if not slug:
        return fallback
    return f"{fallback}-{slug}" if parse_uuid(slug) else slug


def slug_problem(slug: str) -> str | None:
    """Return the fault of a slug that somebody chose, as a sentence; None when there is none."""
    if not limits.SLUG[0] <= len(slug) <= limits.SLUG[1]:
        return f"A slug has {limits.SLUG[0]} to {limits.SLUG[1]} characters."
    if parse_uuid(slug):
        return "A slug can't have the form of a UUID."
    if slug != slug.lower() or not all(_is_slug_character(c) for c in slug) or not re.match(limits.SLUG_PATTERN, slug):
        return "A slug consists of lower-case letters, digits, '-', '_' and '.'."
    if slug[0] in _PUNCTUATION or slug[-1] in _PUNCTUATION:
        return "A slug neither begins nor ends with '-', '_' or '.'."
    if _is_mark(slug[0]):
        return "A slug begins with a letter or a digit."
    return None


def numbered(slug: str, number: int) -> str:
    """Return `slug` with a number appended, still at most 200 characters long."""
    suffix = f"-{number}"
    return slug[: limits.SLUG[1] - len(suffix)].rstrip(_PUNCTUATION) + suffix
