"""The meaning of the keys of front matter, in the words of Jekyll, Hugo, 18F and Node.js blogs.

Each function takes its keys out of the front matter, fills the item, and notes what it could not use.
"""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cms import limits
from cms.choices import Kind, Status, Visibility
from cms.importers.addresses import last_segment, old_path_of
from cms.importers.cleaning import is_visible
from cms.importers.dates import TooEarly, UnreadableDate, parse_instant
from cms.importers.front_matter import Field, FrontMatter, Value
from cms.importers.items import PostItem

TAG_KEYS: Final = ("tags", "tag", "keywords", "keyword")
CATEGORY_KEYS: Final = ("categories", "category")
_SINGULAR: Final = frozenset({"tag", "category", "keyword"})
_INSTANTS: Final = {
    "published_at": ("date", "pubdate", "publishdate", "publishedat", "publishedon", "datepublished", "published"),
    "created_at": ("created", "createdat", "datecreated"),
    "updated_at": (
        *("updated", "lastmod", "updatedat", "lastmodifiedat", "lastmodified", "modified", "modifiedat"),
        *("updateddate", "datemodified"),
    ),
    "expires_at": ("expirydate", "expiresat", "expires", "unpublishdate"),
}
_TEXTS: Final = {
    "meta_description": ("description", "metadescription"),
    "meta_title": ("metatitle", "seotitle"),
    "excerpt": ("excerpt", "summary"),
    "language": ("lang", "language", "locale"),
}
_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})
_STATES: Final = {
    "published": Status.PUBLISHED,
    "publish": Status.PUBLISHED,
    "public": Status.PUBLISHED,
    "scheduled": Status.PUBLISHED,
    "draft": Status.DRAFT,
    "archived": Status.ARCHIVED,
    "trashed": Status.TRASHED,
}
_KINDS: Final = {"page": Kind.PAGE, "post": Kind.POST, "posts": Kind.POST}
_PLACEHOLDER: Final = re.compile(r"[:{}]")
_HEADING: Final = re.compile(r" {0,3}#{1,6}[ \t]+")


@dataclass(frozen=True)
class Author:
    name: str
    email: str = ""
    bio: str = ""


def read_title(matter: FrontMatter, item: PostItem, body: str, file_name: str) -> None:
    found = matter.take_text("title")
    if found is not None and is_visible(str(found.value)):
        item.title, item.lines["title"] = str(found.value), found.line
        return
    original = found.value if found else None
    if heading := _first_heading(body):
        item.title = heading
        item.note("title", original, heading, "No title is given; the first heading was taken.")
    else:
        item.title = " ".join(re.split(r"[-_\s]+", file_name)).strip().capitalize()
        item.note("title", original, item.title, "No title is given; the name of the file was taken.")


def read_texts(matter: FrontMatter, item: PostItem) -> None:
    """Read the texts. Without an excerpt, the description stands for it as well."""
    for name, keys in _TEXTS.items():
        if (found := matter.take_text(*keys)) is not None:
            setattr(item, name, found.value)
            item.lines[name] = found.line
    if not item.excerpt and item.meta_description:
        item.excerpt, item.lines["excerpt"] = item.meta_description, item.lines["meta_description"]


def read_kind(matter: FrontMatter, item: PostItem) -> None:
    for name in ("kind", "type", "layout"):
        found = matter.take_text(name)
        if found is None:
            continue
        kind = _KINDS.get(str(found.value).lower())
        if kind is None:
            item.note(found.key, found.value, None, "This is neither post nor page; it is not stored.", found.line)
        else:
            item.kind = kind


def read_state(matter: FrontMatter, item: PostItem) -> None:
    """Read the state: published by default. A value that can't be understood makes a draft, which nobody else sees."""
    if (found := matter.take_text("status", "state")) is not None:
        _read_status(found, item)
    for name, draft_if in (("draft", True), ("published", False)):
        found = matter.take_text(name)
        if found is None:
            continue
        is_true = _truth(found)
        if is_true is None and name == "published":
            matter.put_back(found)  # a date by this name
        elif is_true is None:
            item.note(found.key, found.value, Status.DRAFT, "This is neither true nor false.", found.line)
            item.status = Status.DRAFT
        elif is_true == draft_if:
            item.status = Status.DRAFT
    if (found := matter.take_text("visibility")) is not None:
        _read_visibility(found, item)
    if (found := matter.take_text("private")) is not None and _truth(found) is not False:
        item.visibility = Visibility.PRIVATE


def read_instants(matter: FrontMatter, item: PostItem, date_in_name: str) -> None:
    for name, keys in _INSTANTS.items():
        instant, is_unusable = _instant(matter, item, keys)
        setattr(item, name, instant)
        if name == "published_at":
            item.has_unusable_date = is_unusable and instant is None
    if item.published_at is None and date_in_name:
        try:
            item.published_at = parse_instant(date_in_name)
        except UnreadableDate as error:
            item.note("published_at", date_in_name, None, str(error))


def read_slug(matter: FrontMatter, item: PostItem, file_name: str) -> None:
    """Read the slug from `slug`, else from the end of the permalink, else from the name of the file."""
    item.slug = file_name
    if (found := matter.take_text("permalink", "url", "path")) is not None:
        address = str(found.value)
        if _PLACEHOLDER.search(address.partition("://")[2] or address) or address.lower() in _FALSE:
            item.note(found.key, address, None, "An address made of placeholders is not stored.", found.line)
        else:
            item.slug, item.lines["slug"] = last_segment(address) or file_name, found.line
            _add_old_path(item, found, address)
    if (found := matter.take_text("slug")) is not None:
        item.slug, item.lines["slug"] = str(found.value).strip().strip("/"), found.line


def read_old_paths(matter: FrontMatter, item: PostItem) -> None:
    for name in ("redirectfrom", "aliases", "alias"):
        found = matter.take(name)
        if found is None:
            continue
        for address in found.value if isinstance(found.value, list) else [found.value]:
            if isinstance(address, str):
                _add_old_path(item, found, address)
            elif address is not None:
                item.note(found.key, address, None, "This is not an address.", found.line)


def read_authors(matter: FrontMatter, item: PostItem) -> list[Author]:
    found = matter.take("authors", "author", "byline")
    if found is None:
        return []
    item.lines["author"] = item.lines["co_authors"] = found.line
    value = found.value
    if isinstance(value, str) and found.key.lower() == "authors":
        value = [*value.split(",")]
    authors = [_author(entry, found, item) for entry in (value if isinstance(value, list) else [value])]
    return list(dict.fromkeys(author for author in authors if author is not None))


def read_terms(matter: FrontMatter, item: PostItem, keys: Sequence[str], *, is_jekyll: bool) -> list[str]:
    """Return names in the file's order. Text is split at commas; under a plural key, Jekyll splits it at blanks too."""
    names: list[str] = []
    for key in keys:
        found = matter.take(key)
        if found is None:
            continue
        item.lines[keys[0]] = found.line
        for name in _split(found, is_jekyll and key not in _SINGULAR):
            if isinstance(name, str) and is_visible(name.replace(",", "")):
                names.append(name.strip())
            elif name not in (None, ""):
                item.note(found.key, name, None, "This is not a name.", found.line)
    return list(dict.fromkeys(names))


def note_rest(matter: FrontMatter, item: PostItem) -> None:
    for found in matter.rest():
        item.note(found.key, found.value, None, "This key is not stored.", found.line)


def _truth(found: Field) -> bool | None:
    text = str(found.value).strip().lower()
    return True if text in _TRUE else False if text in _FALSE else None


def _read_status(found: Field, item: PostItem) -> None:
    text = str(found.value).strip().lower()
    if text == "private":
        item.visibility = Visibility.PRIVATE
    elif text in _STATES:
        item.status, item.is_scheduled = _STATES[text], text == "scheduled"
    else:
        item.status = Status.DRAFT
        item.note(found.key, found.value, Status.DRAFT, "This state is not known here.", found.line)


def _read_visibility(found: Field, item: PostItem) -> None:
    if str(found.value).strip().lower() != Visibility.PUBLIC:
        item.visibility = Visibility.PRIVATE
        if found.value != Visibility.PRIVATE:
            item.note(found.key, found.value, Visibility.PRIVATE, "A post is public or private.", found.line)


def _instant(matter: FrontMatter, item: PostItem, keys: Sequence[str]) -> tuple[datetime.datetime | None, bool]:
    """The first of the keys that holds a date, and whether one held what may be a date to come but can't be read."""
    is_unusable = False
    while (found := matter.take_text(*keys)) is not None:
        try:
            return parse_instant(str(found.value)), is_unusable
        except UnreadableDate as error:
            is_unusable = is_unusable or not isinstance(error, TooEarly)
            item.note(found.key, found.value, None, str(error), found.line)
    return None, is_unusable


def _first_heading(body: str) -> str:
    is_code = False
    for line in body[: limits.CONTENT[1]].splitlines():
        if re.match(r" {0,3}(```|~~~)", line):
            is_code = not is_code
        if is_code or not (opening := _HEADING.match(line)):
            continue
        heading = line[opening.end() :].rstrip(" \t").rstrip("#").rstrip(" \t")
        if is_visible(heading):
            return heading
    return ""


def _add_old_path(item: PostItem, found: Field, address: str) -> None:
    path = old_path_of(address)
    item.lines["old_path"] = found.line
    if path and len(item.old_paths) <= limits.OLD_PATHS_IMPORTED_MAX and path not in item.old_paths:
        item.old_paths.append(path)
    if path != address.strip():
        reason = "Only the path of an old address is kept." if path else "The front page's address leads to no post."
        item.note(found.key, address, path or None, reason, found.line)


def _split(found: Field, is_split_at_blanks: bool) -> Sequence[Value]:
    if isinstance(found.value, list):
        return found.value
    if not isinstance(found.value, str):
        return [found.value]
    if "," in found.value:
        return found.value.split(",")
    return found.value.split() if is_split_at_blanks else [found.value]


def _author(entry: Value, found: Field, item: PostItem) -> Author | None:
    if isinstance(entry, dict):
        return _author_of_mapping(entry, found, item)
    if not isinstance(entry, str) or not is_visible(entry):
        if entry:
            item.note(found.key, entry, None, "This is not an author.", found.line)
        return None
    name, email = _address_of(entry)
    return Author(name or email.partition("@")[0], email)


def _address_of(entry: str) -> tuple[str, str]:
    """Return the name and the address of `Ada <ada@example.org>`; other text is a name."""
    name, _, rest = entry.strip().partition("<")
    email = rest.removesuffix(">")
    is_address = email != rest and "@" in email[1:-1] and email.split() == [email] and not {"<", ">"} & {*name, *email}
    return (name.strip(), email) if is_address else (entry.strip(), "")


def _author_of_mapping(entry: dict[str, Value], found: Field, item: PostItem) -> Author | None:
    rest = {key: value for key, value in entry.items() if value}
    texts: dict[str, str] = {}
    for name, keys in (
        ("name", ("name", "display_name", "username", "login", "id")),
        ("email", ("email",)),
        ("bio", ("bio",)),
    ):
        key = next((key for key in keys if isinstance(rest.get(key), str)), None)
        texts[name] = str(rest.pop(key)).strip() if key else ""
    if not is_visible(texts["name"]):
        item.note(found.key, entry, None, "An author has a name.", found.line)
        return None
    for key, value in rest.items():
        item.note(f"{found.key}.{key}", value, None, "This key of an author is not stored.", found.line)
    return Author(**texts)
