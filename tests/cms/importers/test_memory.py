"""An import finds all objects of a source again, though it keeps few of them in memory."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.importers import context
from cms.importers.formats import AUTO, open_sources
from cms.importers.seen import Seen
from cms.models import Post
from tests.cms.importers.samples import TANDEM


def test_terms_and_authors_that_are_no_longer_in_memory_are_found(
    import_path: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "ROWS_MAX", 1)
    names = [f"tag {number}" for number in range(4)]
    posts = [TANDEM["posts"][0] | {"id": None, "slug": f"t{number}", "tags": names} for number in range(2)]
    tags = [{"name": name, "slug": name.replace(" ", "-")} for name in names]
    (tmp_path / "export.json").write_text(json.dumps({**TANDEM, "tags": tags, "posts": posts}))
    report = import_path(tmp_path / "export.json")
    assert report["counts"]["failed"] == 0
    assert [sorted(post.tags.values_list("name", flat=True)) for post in Post.objects.order_by("slug")] == [
        names,
        names,
    ]
    assert {post.author.username for post in Post.objects.all()} == {"mia"}


def test_an_object_is_seen_once() -> None:
    with Seen() as seen:
        assert [seen.add("post", "1"), seen.add("tag", "1"), seen.add("post", "\ud800")] == [True, True, True]
        assert [seen.add("post", "1"), seen.add("post", "\ud800")] == [False, False]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", b'{"db":[{"data":{"posts":[]}}],"z":{"a":[1],"a":"\xff"}}'),
        (
            "a.xml",
            b'<rss xmlns:wp="u"><channel><wp:author><wp:author_login>\x01</wp:author_login></wp:author></channel></rss>',
        ),
    ],
)
def test_a_source_that_waits_for_its_turn_keeps_nothing_of_its_file(tmp_path: Path, name: str, text: bytes) -> None:
    """Neither values that stood twice nor remarks about wrong bytes: a zip may have thousands of files."""
    (tmp_path / name).write_bytes(text)
    [source] = open_sources(tmp_path / name, AUTO)
    [document] = [value for value in vars(source).values() if hasattr(value, "repairs")]
    for _ in range(2):
        assert (document.repairs, getattr(document, "duplicates", [])) == ([], [])
        assert "replaced" in str([*source])
