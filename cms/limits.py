"""The domain's limits, in characters unless the name says otherwise: one number for services and constraints alike."""

from typing import NamedTuple


class RenditionSize(NamedTuple):
    """Pixels at most. With a height the picture is cut to that shape, without one it keeps its own."""

    width: int
    height: int | None = None


USERNAME = (3, 30)
USERNAME_PATTERN = r"\A[A-Za-z0-9_]+\Z"
EMAIL_MAX = 254
PERSON_NAME_MAX = 150
DISPLAY_NAME_MAX = 100
BIO_MAX = 2_000
PASSWORD = (8, 1_024)  # hashing takes the whole of it: no megabytes for each try

YEARS = (1900, 9998)
"""Years that a given date may have. The zero dates of other systems stand outside, and what some zone can't show."""

TITLE = (1, 200)
SLUG = (1, 200)
CONTENT = (1, 1_000_000)
EXCERPT_MAX = 500
META_TITLE_MAX = 200
META_DESCRIPTION_MAX = 500
LANGUAGE_MAX = 35  # RFC 5646 section 4.4.1
TIME_ZONE_MAX = 64
TAGS_PER_POST_MAX = 50
CATEGORIES_PER_POST_MAX = 100
FILES_PER_TEXT_MAX = 250  # each is looked for, held and linked under the lock of the post
KEPT_TEXTS_MAX = {  # of a text that is not saved yet: an unfinished one may be too long, but no word of content is lost
    "title": 4 * TITLE[1],
    "slug": 4 * SLUG[1],
    "content": CONTENT[1],
    "content_format": 32,
    "excerpt": 4 * EXCERPT_MAX,
    "language": 4 * LANGUAGE_MAX,
    "meta_title": 4 * META_TITLE_MAX,
    "meta_description": 4 * META_DESCRIPTION_MAX,
}
WAITING_DRAFTS_MAX = 50  # restored revisions of one post; each may hold a whole content
UNSAVED_TEXTS_MAX = 5  # of one writer and post; each may hold a whole content, and a form names all of them

TAG_NAME = (1, 50)
TAG_NAME_KEY_MAX = 900  # NFKC makes at most 18 characters of one (U+FDFA)
CATEGORY_NAME = (1, 100)
DESCRIPTION_MAX = 2_000

COMMENT_TEXT = (1, 10_000)
COMMENT_DEPTH_MAX = 10
GUEST_NAME_MAX = 200

OLD_PATH_MAX = 1_000
OLD_PATH_BYTES_MAX = 2_600  # in UTF-8: a row of PostgreSQL's index holds 2,704 bytes with its own 12
OLD_PATHS_IMPORTED_MAX = 1_000  # of one post: each takes a millisecond under its lock

FILE_NAME_MAX = 255
ALT_TEXT_MAX = 500
IMAGE_BYTES_MAX = 10 * 1024 * 1024
IMAGE_PIXELS_MAX = 50_000_000
DOCUMENT_BYTES_MAX = 50 * 1024 * 1024
IMPORT_BYTES_MAX = 60 * 1024 * 1024  # what the proxies let pass, less a form around it
IMPORT_UNPACKED_BYTES_MAX = 1024 * 1024 * 1024
IMPORT_REPORT_BYTES_MAX = 50 * 1024 * 1024  # of an upload
IMPORT_FILES_MAX = 50_000  # of a zip
RENDITIONS = {
    "width-320": RenditionSize(320),
    "width-640": RenditionSize(640),
    "width-1280": RenditionSize(1280),
    "square-160": RenditionSize(160, 160),
}
KEY_NAME = (1, 100)
ISSUER_MAX = 255
SUBJECT_MAX = 255  # OpenID Connect Core 1.0 section 2
LIVE_KEYS_MAX = 50  # of one owner
OPEN_SESSIONS_MAX = 100  # of one user: API sessions, and as many of browsers
URL_MAX = 2_000
ADDRESS_MAX = 8_177  # what `--limit-request-line 8190` leaves beside `GET  HTTP/1.1`

# Patterns are written for both Python's re (SQLite) and PostgreSQL. This one holds what both can check of a slug; case
# beyond ASCII and combining marks are the business of `cms/text/slugs.py`. Blanks beyond ASCII are spelt out: which of
# them PostgreSQL's \s knows depends on the locale.
SLUG_PATTERN = r"\A[^\sA-Z!-,/:-@\[-\^`{-~\u0001-\u001f\u007f-\u00a0\u1680\u2000-\u206f\u3000\ufeff]+\Z"
SLUG_EDGE_PATTERN = r"\A[-_.]|[-_.]\Z"
# A UUID in its canonical or its compact form: such a slug would be taken for an id.
UUID_PATTERN = r"\A(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})\Z"
CONTROL_CHARACTER_PATTERN = r"[\u0001-\u001f\u007f-\u009f]"
RESERVED_USERNAMES = frozenset({"admin", "root", "system", "api", "www", "null", "undefined"})
RESERVED_CATEGORY_SLUGS = frozenset({"tree"})
