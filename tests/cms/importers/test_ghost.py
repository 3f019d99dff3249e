"""Ghost's JSON export, one quirk a test."""

import datetime
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.importers.formats import open_sources
from cms.importers.sources import SourceUnreadable
from cms.models import Post, Tag, User

pytestmark = pytest.mark.django_db
ImportPath = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Originals = Callable[[dict[str, Any], str], list[Any]]

MILLISECONDS = 1_420_167_845_000  # 2015-01-02T03:04:05Z


@pytest.fixture
def write_ghost(tmp_path: Path) -> Write:
    """`write_ghost({"title": "A"}, tags=[…])`: an export of these posts and tables, as a file."""

    def write(*posts: dict[str, Any], shape: str = "db", **tables: list[Any]) -> Path:
        rows = [
            {
                "id": f"p{number}",
                "title": f"Post {number}",
                "slug": f"post-{number}",
                "html": "<p>Words.</p>",
                "status": "published",
                "visibility": "public",
                "type": "post",
                "published_at": "2015-01-02T03:04:05.000Z",
                **post,
            }
            for number, post in enumerate(posts, start=1)
        ]
        export: Any = {"meta": {"version": "5.0.0"}, "data": {"posts": rows, **tables}}
        export = {"db": [export]} if shape == "db" else {"data": export["data"]} if shape == "data" else export
        path = tmp_path / "ghost.json"
        path.write_text(json.dumps(export), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("shape", ["db", "data", "meta and data"])
def test_posts_have_their_authors_and_tags_in_order(import_path: ImportPath, write_ghost: Write, shape: str) -> None:
    path = write_ghost(
        {
            "custom_excerpt": "Short.",
            "meta_title": "M",
            "created_at": MILLISECONDS,
            "updated_at": "2016-01-01 00:00:00",
        },
        shape=shape,
        users=[{"id": "1", "name": "Mia Ho", "slug": "mia", "email": "mia@example.org"}, {"id": "2", "name": "Bo"}],
        tags=[{"id": 7, "name": "Red", "slug": "red", "description": "A colour."}, {"id": 8, "name": "Blue"}],
        posts_tags=[{"post_id": "p1", "tag_id": 8, "sort_order": 1}, {"post_id": "p1", "tag_id": 7, "sort_order": 0}],
        posts_authors=[
            {"post_id": "p1", "author_id": "2", "sort_order": 1},
            {"post_id": "p1", "author_id": "1", "sort_order": 0},
        ],
    )
    assert import_path(path)["counts"]["failed"] == 0
    post = Post.objects.get()
    assert (post.author.username, post.co_authors.get().display_name) == ("mia", "Bo")
    assert set(post.tags.values_list("name", flat=True)) == {"Red", "Blue"}
    assert (post.excerpt, post.meta_title, post.content_format) == ("Short.", "M", "html")
    assert post.created_at == datetime.datetime(2015, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    assert post.updated_at == datetime.datetime(2016, 1, 1, tzinfo=datetime.UTC)
    assert post.redirects.get().old_path == "/post-1/"
    assert Tag.objects.get(slug="red").description == "A colour."


@pytest.mark.parametrize(
    ("changes", "status", "visibility", "is_reported"),
    [
        ({"visibility": "members"}, "published", "private", True),
        ({"visibility": "paid"}, "published", "private", True),
        ({"visibility": "tiers"}, "published", "private", True),
        ({"visibility": None}, "published", "private", True),
        ({"visibility": 5}, "published", "private", True),
        ({"status": "sent"}, "published", "private", True),
        ({"status": "draft"}, "draft", "public", False),
        ({"status": "scheduled", "published_at": "2199-01-01T00:00:00Z"}, "published", "public", False),
        ({"status": "scheduled", "published_at": None}, "draft", "public", True),
        ({"status": "scheduled", "published_at": "9999999-01-01"}, "draft", "public", True),
        ({"status": {"a": 1}}, "draft", "public", True),
    ],
)
def test_what_only_some_may_read_never_becomes_public(
    import_path: ImportPath,
    write_ghost: Write,
    changes: dict[str, Any],
    status: str,
    visibility: str,
    is_reported: bool,
) -> None:
    report = import_path(write_ghost(changes))
    post = Post.objects.get()
    assert (post.status, post.visibility) == (status, visibility)
    assert any(item["field"] in ("visibility", "status") for item in report["items"]) == is_reported


def test_a_post_that_went_out_by_mail_only_is_private(import_path: ImportPath, write_ghost: Write) -> None:
    meta = {"post_id": "p1", "email_only": True, "meta_description": "D", "og_title": "O"}
    report = import_path(write_ghost({}, posts_meta=[meta]))
    assert (Post.objects.get().visibility, Post.objects.get().meta_description) == ("private", "D")
    assert "og_title" in {item["field"] for item in report["items"]}


@pytest.mark.parametrize("flag", [{"page": True}, {"page": 1}, {"type": "page"}])
def test_pages_are_pages(import_path: ImportPath, write_ghost: Write, flag: dict[str, Any]) -> None:
    import_path(write_ghost(flag))
    assert Post.objects.get().kind == "page"


def test_internal_tags_stay_out_and_are_reported(
    import_path: ImportPath, write_ghost: Write, originals: Originals
) -> None:
    tags = [
        {"id": "1", "name": "#secret"},
        {"id": "2", "name": "x", "visibility": "internal"},
        {"id": "3", "name": "y"},
    ]
    links = [{"post_id": "p1", "tag_id": number} for number in ("1", "2", "3", "4")]
    report = import_path(write_ghost({}, tags=tags, posts_tags=links))
    assert Tag.objects.get().name == "y"
    assert report["counts"]["skipped"] == 2
    assert originals(report, "tags") == ["#secret", "x", "4"]


def test_what_has_no_place_here_is_reported_and_no_password_ever(
    import_path: ImportPath, write_ghost: Write, originals: Originals
) -> None:
    post = {
        "feature_image": "__GHOST_URL__/a.png",
        "featured": 1,
        "codeinjection_head": "<script>",
        "canonical_url": "u",
    }
    user = {"id": "1", "name": "Mia", "password": "$2a$10$hash", "website": "https://mia.example"}
    report = import_path(
        write_ghost(
            {**post, "html": '<a href="__GHOST_URL__/x">x</a>'},
            users=[user],
            roles=[{"id": "r", "name": "Owner"}],
            roles_users=[{"user_id": "1", "role_id": "r"}],
            settings=[{"id": "s", "key": "title", "value": "T"}],
        )
    )
    fields = {item["field"] for item in report["items"]}
    assert {"feature_image", "featured", "codeinjection_head", "canonical_url", "website", "role", "table"} <= fields
    assert originals(report, "content") == ["__GHOST_URL__"]
    assert "$2a$10$hash" not in json.dumps(report)
    assert User.objects.get(display_name="Mia").role == "author"


def test_a_user_with_very_many_roles_gets_a_short_remark(
    import_path: ImportPath, write_ghost: Write, originals: Originals
) -> None:
    """Each name is counted once; joined for every link, they would take a thousand times as much."""
    path = write_ghost(
        {"html": "x"},
        users=[{"id": "1", "name": "Mia"}],
        roles=[{"id": "r", "name": "R" * 10_000}],
        roles_users=[{"user_id": "1", "role_id": "r"}] * 1_000,
    )
    [told] = originals(import_path(path), "role")
    assert len(told) == 300


CARDS = [["markdown", {"markdown": "# Hi"}], ["html", {"html": "<b>x</b>"}], ["image", {"src": "a.png"}]]


@pytest.mark.parametrize(
    ("sections", "content", "content_format"),
    [
        ([[10, 0]], "# Hi", "markdown"),
        ([[10, 0], [10, 1]], "# Hi\n\n<b>x</b>", "markdown"),
        ([[1, "p", [[0, [], 0, "a < b"]]], [10, 1]], "<p>a &lt; b</p>\n\n<b>x</b>", "html"),
        ([[10, 2]], "<!-- -->", "html"),
        ([[1, "p", [[0, [0], 1, "bold"]]]], "<!-- -->", "html"),
    ],
)
def test_without_html_the_text_comes_from_mobiledoc_where_nothing_is_lost(
    import_path: ImportPath, write_ghost: Write, sections: list[Any], content: str, content_format: str
) -> None:
    mobiledoc = json.dumps({"version": "0.3.1", "atoms": [], "cards": CARDS, "markups": [["b"]], "sections": sections})
    report = import_path(write_ghost({"html": None, "mobiledoc": mobiledoc}))
    post = Post.objects.get()
    assert (post.content, post.content_format) == (content, content_format)
    is_lost = content == "<!-- -->"
    assert any(item["original"] == mobiledoc for item in report["items"]) == is_lost


def test_users_and_tags_may_stand_in_the_post_itself(import_path: ImportPath, write_ghost: Write) -> None:
    post = {"authors": [{"name": "Mia", "slug": "mia"}], "tags": [{"name": "Red"}, {"name": "#no"}]}
    path = write_ghost(post, post)
    report = import_path(path)
    assert set(Post.objects.values_list("author__username", "tags__name")) == {("mia", "Red")}
    assert report["counts"]["created"] == 4
    assert import_path(path)["counts"]["unchanged"] == 4


def test_a_later_export_of_the_same_site_updates_its_posts(import_path: ImportPath, write_ghost: Write) -> None:
    settings = [{"id": "s" * 24, "key": "title", "value": "T"}]
    import_path(write_ghost({}, settings=settings))
    later = write_ghost({"title": "New"}, settings=settings)
    assert import_path(later.rename(later.with_name("later.json")))["counts"]["updated"] == 1
    assert Post.objects.get().title == "New"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not a Ghost export"),
        ("[]", "not a Ghost export"),
        ('{"a": 1}', "no posts, tags or users"),
        ('{"data": {"posts": []}', "can't be read as JSON: line 1: Expecting"),
        ('{"data": {"posts": [{]}}', "can't be read as JSON"),
        ('{"data": {"posts": []}} x', "behind the document"),
        ('{"data": {"posts": [' + "[" * 200_000, "too deep"),
        ('{"data":\n{"posts": [{"a": "' + "x" * 16_100_000 + '"}]}}', "line 2: A value has more than"),
    ],
    ids=["empty", "a list", "another", "cut off", "syntax", "more", "depth", "a value too large"],
)
def test_what_is_no_export_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(SourceUnreadable, match=sentence) as caught:
        open_sources(path, "ghost")
    assert "\n" not in str(caught.value)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.json")
    os.mkfifo(tmp_path / "x.xml")
    for path, format_name in ((tmp_path, "ghost"), (tmp_path, "wxr"), (tmp_path / "x.json", "auto")):
        with pytest.raises(SourceUnreadable):
            open_sources(path, format_name)


def test_hostile_values_fail_alone(import_path: ImportPath, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(
        b'{"data": {"posts": [7, {"id": "1", "title": "caf\xe9 \\ud800\\u0000", "slug": "../../etc/passwd",'
        b' "html": "x", "html": "<p>y</p>", "status": "published", "published_at": 1e999, "sort": '
        + b"9" * 10_000
        + b'}, {"id": "1", "title": "Twin", "html": "z"}], "tags": [{"id": {}}], "users": null}}'
    )
    report = import_path(path)
    post = Post.objects.get()
    assert (post.title, post.slug, post.content) == ("caf\ufffd", "etc-passwd", "<p>y</p>")
    assert not post.redirects.exists()
    assert report["counts"]["failed"] == 0
    assert report["counts"]["skipped"] == 3
