"""Markdown files in the styles of several generators, one quirk a test."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms import limits
from cms.models import Category, Post, Redirect, Tag, User
from tests.cms.importers.conftest import NOW

pytestmark = pytest.mark.django_db
ImportPath = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Originals = Callable[[dict[str, Any], str], list[Any]]


def test_a_jekyll_post_takes_date_and_slug_from_its_name_and_splits_terms_at_blanks(
    import_path: ImportPath, write_markdown: Write
) -> None:
    import_path(
        write_markdown(
            "_posts/2020-01-02-hello-there.md", "title: Hello\nlayout: post\ntags: red green\ncategories: a b"
        )
    )
    post = Post.objects.get()
    assert (post.slug, post.title, post.status) == ("hello-there", "Hello", "published")
    assert post.published_at == datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC)
    assert sorted(post.tags.values_list("name", flat=True)) == ["green", "red"]
    assert sorted(post.categories.values_list("name", flat=True)) == ["a", "b"]


def test_a_hugo_bundle_takes_its_slug_from_the_folder_and_its_aliases_lead_to_it(
    import_path: ImportPath, write_markdown: Write
) -> None:
    matter = (
        "title: Café\ndate: 2020-01-02T10:00:00+02:00\nlastmod: 2021-01-01\naliases: [/old/one/, old-two]\ndraft: false"
    )
    import_path(write_markdown("posts/my-bundle/index.md", matter))
    post = Post.objects.get()
    assert post.slug == "my-bundle"
    assert post.published_at == datetime.datetime(2020, 1, 2, 8, tzinfo=datetime.UTC)
    assert post.updated_at == datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)
    assert set(Redirect.objects.values_list("old_path", flat=True)) == {"/old/one/", "/old-two"}


def test_a_post_gets_so_many_old_paths_and_the_report_says_that_there_were_more(
    import_path: ImportPath, write_markdown: Write, originals: Originals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OLD_PATHS_IMPORTED_MAX", 2)
    report = import_path(write_markdown("a.md", "title: A\ndate: 2020-01-01\naliases: [/a/, /b/, /c/, /d/]"))
    assert set(Redirect.objects.values_list("old_path", flat=True)) == {"/a/", "/b/"}
    assert originals(report, "old_path") == ["/c/"]


def test_a_node_style_post_has_a_category_an_author_with_an_address_and_a_layout_that_is_reported(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    matter = "title: V8\ndate: 2014-01-01T00:00:00.000Z\nauthor: Mia Ho <mia@example.org>\ncategory: big release\nlayout: x.hbs"
    report = import_path(write_markdown("v8.md", matter))
    user = User.objects.get()
    assert (user.username, user.email, user.display_name) == ("Mia_Ho", "mia@example.org", "Mia Ho")
    assert Category.objects.get().name == "big release"
    assert originals(report, "layout") == ["x.hbs"]


def test_the_first_author_is_the_author_and_the_others_are_co_authors(
    import_path: ImportPath, write_markdown: Write
) -> None:
    import_path(
        write_markdown(
            "a.md", "title: A\ndate: 2020-01-01\nauthors:\n- mia\n- {name: Bo, url: https://bo.example}\n- mia"
        )
    )
    post = Post.objects.get()
    assert post.author.display_name == "mia"
    assert [user.display_name for user in post.co_authors.all()] == ["Bo"]


def test_posts_without_an_author_share_one_user(import_path: ImportPath, write_markdown: Write) -> None:
    write_markdown("a.md", "title: A\ndate: 2020-01-01")
    report = import_path(write_markdown("b.md", "title: B\ndate: 2020-01-01"))
    assert set(Post.objects.values_list("author__username", flat=True)) == {"imported"}
    assert report["counts"]["created"] == 3


def test_names_of_authors_become_usernames_that_are_allowed_and_free(
    import_path: ImportPath, write_markdown: Write, originals: Originals, make_user: Callable[..., User]
) -> None:
    make_user("admin", username="mia")
    report = import_path(
        write_markdown("a.md", f"title: A\ndate: 2020-01-01\nauthors: [mia, cm, Zoë-Ann, Γιάννης, {'x' * 40}]")
    )
    assert set(User.objects.filter(role="author").values_list("username", flat=True)) == {
        *("mia_2", "cm_author", "Zoe_Ann", "author", "x" * 30)
    }
    assert len(originals(report, "username")) == 5


@pytest.mark.parametrize(
    ("matter", "status", "visibility"),
    [
        ("draft: true", "draft", "public"),
        ("published: false", "draft", "public"),
        ("published: 2019-05-05", "published", "public"),
        ("status: private", "published", "private"),
        ("status: archived", "archived", "public"),
        ("draft: perhaps", "draft", "public"),
        ("visibility: members", "published", "private"),
    ],
)
def test_states_are_read_in_many_words(
    import_path: ImportPath, write_markdown: Write, matter: str, status: str, visibility: str
) -> None:
    import_path(write_markdown("a.md", f"title: A\n{matter}"))
    post = Post.objects.get()
    assert (post.status, post.visibility) == (status, visibility)


def test_texts_that_look_like_numbers_or_truths_stay_texts(import_path: ImportPath, write_markdown: Write) -> None:
    import_path(write_markdown("a.md", "title: 1.10\ndate: 2020-01-01\ntags: [2015, yes, 12:30, null]"))
    assert Post.objects.get().title == "1.10"
    assert sorted(Tag.objects.values_list("name", flat=True)) == ["12:30", "2015", "yes"]


def test_a_key_that_nobody_knows_is_reported_with_its_value_and_line(
    import_path: ImportPath, write_markdown: Write
) -> None:
    report = import_path(write_markdown("a.md", "title: A\ndate: 2020-01-01\nmood: {level: 3}\nimage: /a.png\nempty:"))
    lost = {
        item["field"]: (item["original"], item["line"]) for item in report["items"] if item["object"] == "post a.md"
    }
    assert lost == {"mood": ({"level": "3"}, 4), "image": ("/a.png", 5)}


def test_values_of_the_wrong_kind_are_reported_and_the_file_is_imported(
    import_path: ImportPath, write_markdown: Write
) -> None:
    matter = """title: [no, title]
date: 2020-01-01
private: true
expiryDate: 2019-01-01
aliases: [{a: b}, "https://old.example/x/", /]
tags: [{a: b}, good]
authors: [[x], {email: nameless@example.org}, mia]
permalink: false
layout: post"""
    report = import_path(write_markdown("a.md", matter))
    post = Post.objects.get()
    assert (post.title, post.visibility, post.author.username, post.expires_at) == ("A", "private", "mia", None)
    assert [redirect.old_path for redirect in post.redirects.all()] == ["/x/"]
    reported = sorted(item["field"] for item in report["items"] if item["object"] == "post a.md")
    assert reported == sorted(
        ["title", "title", "expires_at", "aliases", "aliases", "aliases", "tags", "authors", "authors", "permalink"]
    )


def test_a_key_that_stands_twice_counts_as_its_last_and_the_first_is_reported(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    report = import_path(write_markdown("a.md", "title: First\ntitle: Last\ndate: 2020-01-01"))
    assert Post.objects.get().title == "Last"
    assert originals(report, "title") == ["First"]


def test_a_missing_title_comes_from_the_first_heading_that_is_not_code(
    import_path: ImportPath, write_markdown: Write
) -> None:
    write_markdown("a.md", "date: 2020-01-01", "```\n# a comment\n```\n## The *Heading* ##\n")
    report = import_path(write_markdown("some-notes.md", body="No front matter at all.\n"))
    assert set(Post.objects.values_list("title", flat=True)) == {"The *Heading*", "Some notes"}
    assert len([item for item in report["items"] if item["field"] == "title"]) == 2


def test_a_slug_that_is_taken_gets_a_number_and_is_reported(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    for year in (2020, 2021, 2022):
        root = write_markdown(f"{year}-01-01-same.md", f"title: Same {year}")
    report = import_path(root)
    assert list(Post.objects.order_by("published_at").values_list("slug", flat=True)) == ["same", "same-2", "same-3"]
    assert originals(report, "slug") == ["same", "same"]


def test_a_permalink_gives_the_slug_and_keeps_working(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    write_markdown("a.md", "title: A\ndate: 2020-01-01\npermalink: /2020/a-better-name.html")
    report = import_path(write_markdown("b.md", "title: B\ndate: 2020-01-01\npermalink: /:year/:title/"))
    assert set(Post.objects.values_list("slug", flat=True)) == {"a-better-name", "b"}
    assert Redirect.objects.get().old_path == "/2020/a-better-name.html"
    assert originals(report, "permalink") == ["/:year/:title/"]


def test_an_old_address_of_two_posts_leads_to_the_first_and_is_reported(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    write_markdown("a.md", "title: A\ndate: 2020-01-01\nredirect_from: /old/")
    report = import_path(write_markdown("b.md", f"title: B\ndate: 2020-01-01\nredirect_from: [/old/, /{'x' * 1000}]"))
    assert Redirect.objects.get().post.title == "A"
    assert originals(report, "old_path") == ["/old/", f"/{'x' * 1000}"]


def test_an_absurd_date_is_reported_and_the_name_of_the_file_asked(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    report = import_path(write_markdown("2020-01-02-a.md", "title: A\ndate: 0001-01-01T00:00:00Z"))
    assert Post.objects.get().published_at == datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC)
    assert originals(report, "date") == ["0001-01-01T00:00:00Z"]


def test_a_post_without_any_date_is_published_now_and_reported(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    report = import_path(write_markdown("a.md", "title: A"))
    assert Post.objects.get().published_at == NOW
    assert originals(report, "published_at") == [None]


def test_tags_over_the_limits_are_cut_and_reported(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    names = ", ".join([*(f"t{number}" for number in range(60)), "x" * 60, '"a, b"', '"zero\\u200bwidth"'])
    report = import_path(write_markdown("a.md", f"title: A\ndate: 2020-01-01\ntags: [{names}]"))
    assert Post.objects.get().tags.count() == 50
    assert Tag.objects.filter(name__in=["x" * 50, "a b", "zerowidth"]).count() == 3
    assert originals(report, "name") == ["x" * 60, "a, b", "zero\u200bwidth"]
    assert [len(lost) for lost in originals(report, "tags")] == [13]


def test_tags_that_differ_in_capitals_are_one_and_a_second_name_is_reported(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    write_markdown("a.md", "title: A\ndate: 2020-01-01\ntags: [Go]")
    report = import_path(write_markdown("b.md", "title: B\ndate: 2020-01-01\ntags: [GO, go]"))
    assert (Tag.objects.get().name, Tag.objects.get().usage_count) == ("Go", 2)
    assert originals(report, "tags") == ["GO", "go"]


def test_long_texts_are_cut_and_the_whole_is_in_the_report(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    report = import_path(write_markdown("a.md", f"title: {'t' * 300}\ndate: 2020-01-01\nsummary: {'s' * 600}"))
    post = Post.objects.get()
    assert (len(post.title), len(post.excerpt)) == (200, 500)
    assert originals(report, "title") == ["t" * 300]
    assert originals(report, "excerpt") == ["s" * 600]


def test_languages_are_written_as_bcp_47(import_path: ImportPath, write_markdown: Write, originals: Originals) -> None:
    write_markdown("a.md", "title: A\ndate: 2020-01-01\nlang: pt_BR")
    report = import_path(write_markdown("b.md", "title: B\ndate: 2020-01-01\nlanguage: American English!"))
    assert dict(Post.objects.values_list("title", "language")) == {"A": "pt-BR", "B": "en"}
    assert originals(report, "language") == ["pt_BR", "American English!"]


def test_the_body_stays_byte_for_byte_what_it_was(import_path: ImportPath, write_markdown: Write) -> None:
    body = "\r\n\tTabs, \u200b zero width\r\n<script>alert(1)</script>\r\n\r\n---\r\n{{< short code >}}  \r\n"
    import_path(write_markdown("a.md", "title: A\r\ndate: 2020-01-01", body))
    post = Post.objects.get()
    assert post.content == body
    assert "<script" not in post.content_html


def test_a_file_without_a_body_is_skipped_and_named(import_path: ImportPath, write_markdown: Write) -> None:
    write_markdown("_index.md", "title: Posts", "\n\u200b\n")
    report = import_path(write_markdown("about.md", "title: About\nlayout: page"))
    assert Post.objects.get().kind == "page"
    assert report["counts"]["skipped"] == 1
    assert [item["reason"] for item in report["items"] if item["object"] == "file _index.md"] == [
        "The file has no body."
    ]


def test_a_folder_that_was_changed_updates_what_has_changed(import_path: ImportPath, write_markdown: Write) -> None:
    write_markdown("a.md", "title: A\ndate: 2020-01-01\ntags: [x]\nslug: first")
    import_path(write_markdown("b.md", "title: B\ndate: 2020-01-01"))
    report = import_path(write_markdown("a.md", "title: A2\ndate: 2021-01-01\ntags: [y]\nslug: second", "New.\n"))
    post = Post.objects.get(title="A2")
    assert report["counts"] == {"created": 1, "updated": 1, "unchanged": 2, "skipped": 0, "failed": 0}
    assert (post.slug, post.content, post.published_at.year) == ("second", "New.\n", 2021)
    assert dict(Tag.objects.values_list("name", "usage_count")) == {"x": 0, "y": 1}
    assert Redirect.objects.get().old_path == "/posts/first"


def test_a_file_imported_alone_is_the_same_post_as_with_its_folder(
    import_path: ImportPath, write_markdown: Write
) -> None:
    root = write_markdown("a.md", "title: A\ndate: 2020-01-01")
    import_path(root)
    assert import_path(root / "a.md")["counts"]["unchanged"] == 2
