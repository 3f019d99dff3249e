"""Writing an export: `json` as one document, `markdown` as one file a post with the rest in JSON beside it.

Both give the same bytes for the same content, whichever engine stores it.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from cms.exporters.rows import all_posts, category_rows, comment_rows, content_of, post_row, tag_rows, user_rows
from cms.models import Post

FORMAT_NAME: Final = "tandem"
FORMAT_VERSION: Final = 1
DOCUMENT: Final = "tandem.json"
TABLES: Final[dict[str, Callable[[], Iterator[dict[str, Any]]]]] = {
    "users": user_rows,
    "categories": category_rows,
    "tags": tag_rows,
}
# Some file systems take 255 bytes, some compare without case, and Windows keeps names such as nul.1 for itself.
_FILE_NAME: Final = re.compile(r"(?!(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z))[a-z0-9._-]{1,120}")
_BEYOND_YAML: Final = re.compile(
    "[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_PLAIN: Final = frozenset(
    {"id", "kind", "status", "status_before_trash", "visibility", "content_format", "version"}
    | {"published_at", "expires_at", "created_at", "updated_at"}
)

type Advance = Callable[[], None]


def write_json(path: Path, *, advance: Advance) -> Counter[str]:
    """Write one document at `path`; return the numbers of what was written, by kind."""
    counts: Counter[str] = Counter()
    with path.open("wb") as target:
        target.write(_json({"format": FORMAT_NAME, "version": FORMAT_VERSION})[:-1])
        tables = {name: rows() for name, rows in TABLES.items()}
        for name, rows in {**tables, "posts": _whole_posts(counts, advance)}.items():
            target.write(f',\n"{name}": '.encode())
            counts[name] += _write_rows(target, rows)
        target.write(b"}\n")
    return counts


def write_markdown(folder: Path, *, advance: Advance) -> Counter[str]:
    """Write files below `folder`, which exists and is empty; return the numbers of what was written, by kind."""
    counts: Counter[str] = Counter()
    manifest = {"format": FORMAT_NAME, "version": FORMAT_VERSION, "posts": "markdown"}
    (folder / DOCUMENT).write_bytes(_json(manifest) + b"\n")
    for name, rows in TABLES.items():
        with (folder / f"{name}.json").open("wb") as target:
            counts[name] = _write_rows(target, rows())
            target.write(b"\n")
    for kind in ("posts", "pages"):
        (folder / kind).mkdir()
    for post in all_posts():
        _write_post(folder / f"{post.kind}s", post, counts)
        advance()
    return counts


def file_name_of(slug: str) -> str:
    """Return a file name without its suffix: the slug, if every file system takes it.

    Any other name holds a `~`, which no slug does, so no two are the same.
    """
    if _FILE_NAME.fullmatch(slug):
        return slug
    readable = re.sub(r"[^a-z0-9]+", "-", slug)[:60].strip("-")
    return f"{readable}~{hashlib.sha256(slug.encode()).hexdigest()[:16]}"


def front_matter(values: dict[str, Any]) -> str:
    """Return YAML of one line a value. Texts are quoted, so that none is taken for a number, a date or a null."""
    lines = [f"{name}: {value if name in _PLAIN else _yaml(value)}\n" for name, value in values.items()]
    return f"---\n{''.join(lines)}---\n"


def _write_post(folder: Path, post: Post, counts: Counter[str]) -> None:
    row, comments = post_row(post), comment_rows(post)
    name = file_name_of(post.slug)
    text = front_matter(row) + content_of(post)
    (folder / f"{name}.md").write_bytes(text.encode())
    if comments:
        with (folder / f"{name}.comments.json").open("wb") as target:
            _write_rows(target, comments)
            target.write(b"\n")
    counts.update({"posts": 1, "comments": len(comments), "redirects": len(row.get("redirects", ()))})


def _whole_posts(counts: Counter[str], advance: Advance) -> Iterator[dict[str, Any]]:
    for post in all_posts():
        row, comments = post_row(post), comment_rows(post)
        counts.update({"comments": len(comments), "redirects": len(row.get("redirects", ()))})
        yield {**row, "content": content_of(post), **({"comments": comments} if comments else {})}
        advance()


def _write_rows(target: BinaryIO, rows: Iterable[dict[str, Any]]) -> int:
    """A list with one object a line; how many there were."""
    count = 0
    target.write(b"[")
    for row in rows:
        target.write((b",\n" if count else b"\n") + _json(row))
        count += 1
    target.write(b"\n]")
    return count


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _yaml(value: Any) -> str:
    """Return the value as JSON, which is YAML except for characters that YAML takes for line ends or not at all."""
    text = json.dumps(value, ensure_ascii=False)
    return _BEYOND_YAML.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
