"""WordPress exports of all versions, one quirk a test."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.models import Category, Comment, Post, Redirect, Tag, User

pytestmark = pytest.mark.django_db
ImportPath = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Record = Callable[..., str]
Originals = Callable[[dict[str, Any], str], list[Any]]


def _category(nicename: str, name: str, parent: str = "") -> str:
    return (
        f"<wp:category><wp:category_nicename>{nicename}</wp:category_nicename>"
        f"<wp:category_parent>{parent}</wp:category_parent><wp:cat_name><![CDATA[{name}]]></wp:cat_name></wp:category>"
    )


def _tree() -> dict[str, str | None]:
    return dict(Category.objects.values_list("slug", "parent__slug"))


@pytest.mark.parametrize(
    ("status", "expected", "visibility", "is_reported"),
    [
        ("publish", "published", "public", False),
        ("private", "published", "private", False),
        ("draft", "draft", "public", False),
        ("pending", "draft", "public", True),
        ("auto-draft", "draft", "public", True),
        ("inherit", "draft", "public", True),
        ("trash", "trashed", "public", False),
    ],
)
def test_states_become_the_nearest_of_ours(
    import_path: ImportPath,
    write_wxr: Write,
    wxr_item: Record,
    originals: Originals,
    status: str,
    expected: str,
    visibility: str,
    is_reported: bool,
) -> None:
    report = import_path(write_wxr(wxr_item(1, wp_status=status)))
    post = Post.objects.get()
    assert (post.status, post.visibility) == (expected, visibility)
    assert originals(report, "status") == ([status] if is_reported else [])


def test_a_trashed_post_remembers_that_it_was_published(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record
) -> None:
    meta = "<wp:postmeta><wp:meta_key>_wp_trash_meta_status</wp:meta_key><wp:meta_value>publish</wp:meta_value></wp:postmeta>"
    import_path(write_wxr(wxr_item(1, meta, wp_status="trash")))
    assert Post.objects.get().status_before_trash == "published"


def test_a_password_makes_a_post_private_and_stands_nowhere(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record
) -> None:
    report = import_path(write_wxr(wxr_item(1, wp_post_password="hunter2")))
    assert Post.objects.get().visibility == "private"
    assert "hunter2" not in str(report)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ({}, datetime.datetime(2015, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)),
        ({"wp_post_date_gmt": "0000-00-00 00:00:00"}, datetime.datetime(2015, 1, 2, 5, 4, 5, tzinfo=datetime.UTC)),
        (
            {"wp_post_date_gmt": None, "wp_post_date": None, "pubDate": "Mon, 05 Jan 2015 01:00:00 +0100"},
            datetime.datetime(2015, 1, 5, tzinfo=datetime.UTC),
        ),
    ],
    ids=["gmt", "local", "pubDate"],
)
def test_the_best_of_three_dates_is_taken(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, dates: dict[str, str], expected: datetime.datetime
) -> None:
    import_path(write_wxr(wxr_item(1, wp_post_modified_gmt="2016-01-01 00:00:00", **dates)))
    post = Post.objects.get()
    assert (post.published_at, post.created_at) == (expected, expected)
    assert post.updated_at == datetime.datetime(2016, 1, 1, tzinfo=datetime.UTC)


def test_titles_become_plain_text_without_losing_what_is_no_tag(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, originals: Originals
) -> None:
    report = import_path(
        write_wxr(wxr_item(1, title="1 < 2 &amp; <em>3</em> > <x>"), wxr_item(2, title="", wp_post_name=""))
    )
    assert set(Post.objects.values_list("title", flat=True)) == {"1 < 2 & 3 > <x>", "Untitled"}
    assert originals(report, "title") == ["1 < 2 &amp; <em>3</em> > <x>", ""]


def test_content_is_kept_as_it_is_and_an_empty_one_becomes_a_comment(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record
) -> None:
    content = "<!-- wp:paragraph --><p>Hi [gallery ids='1']</p><!-- /wp:paragraph -->\n\n<script>x</script>"
    import_path(write_wxr(wxr_item(1, content__encoded=content), wxr_item(2, content__encoded="")))
    first, second = Post.objects.order_by("title")
    assert (first.content, first.content_html.strip()) == (content, "<p>Hi [gallery ids='1']</p>")
    assert (second.content, second.content_html) == ("<!-- -->", "")


def test_percent_encoded_slugs_are_decoded_and_wrong_ones_mended(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, originals: Originals
) -> None:
    items = [wxr_item(1, wp_post_name="%ce%b5%cf%80"), wxr_item(2, wp_post_name="A B"), wxr_item(3, wp_post_name="")]
    report = import_path(write_wxr(*items))
    assert list(Post.objects.order_by("title").values_list("slug", flat=True)) == ["επ", "a-b", "post-3"]
    assert originals(report, "slug") == ["%ce%b5%cf%80", "A B"]


def test_parents_of_categories_may_come_later_be_missing_or_stand_in_a_circle(
    import_path: ImportPath, write_wxr: Write, originals: Originals
) -> None:
    records = [
        _category("c", "C", "b"),
        _category("b", "B", "a"),
        _category("a", "A"),
        _category("lost", "Lost", "nobody"),
    ]
    report = import_path(write_wxr(*records, _category("x", "X", "y"), _category("y", "Y", "x")))
    assert _tree() == {"a": None, "b": "a", "c": "b", "lost": None, "x": "y", "y": None}
    assert originals(report, "parent") == ["nobody", "x"]


def test_categories_with_one_name_stand_apart_under_different_parents_and_get_a_number_under_one(
    import_path: ImportPath, write_wxr: Write, originals: Originals
) -> None:
    records = [
        _category("p", "P"),
        _category("foo", "Foo &amp; Co"),
        _category("foo-p", "Foo &amp; Co", "p"),
        _category("foo-3", "Foo &amp; Co"),
    ]
    report = import_path(write_wxr(*records, _category("tree", "Tree")))
    names = dict(Category.objects.values_list("slug", "name"))
    assert names == {"p": "P", "foo": "Foo & Co", "foo-p": "Foo & Co", "foo-3": "Foo & Co (2)", "tree-2": "Tree"}
    assert originals(report, "slug") == ["tree"]


def test_an_export_of_1_0_names_parents_and_declares_no_authors(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record
) -> None:
    terms = (
        "<category><![CDATA[Kid]]></category><category domain='category' nicename='kid'><![CDATA[Kid]]></category>"
        "<category domain='tag'><![CDATA[Red Hot]]></category><category domain='tag' nicename='red-hot'>Red Hot</category>"
    )
    import_path(write_wxr(_category("kid", "Kid", "The Parent"), _category("parent", "The Parent"), wxr_item(1, terms)))
    post = Post.objects.get()
    assert post.author.username == "mia"
    assert _tree() == {"kid": "parent", "parent": None}
    assert list(post.tags.values_list("name", "slug")) == [("Red Hot", "red-hot")]
    assert list(post.categories.values_list("slug", "post_count")) == [("kid", 1)]


def test_undeclared_terms_are_made_and_other_taxonomies_reported(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, originals: Originals
) -> None:
    terms = (
        "<category domain='post_tag' nicename='new'>New</category>"
        "<category domain='post_format' nicename='aside'>Aside</category>"
    )
    menu = "<wp:term><wp:term_taxonomy>nav_menu</wp:term_taxonomy><wp:term_slug>m</wp:term_slug></wp:term>"
    report = import_path(write_wxr(menu, wxr_item(1, terms)))
    assert Tag.objects.get().usage_count == 1
    assert originals(report, "terms") == [["post_format: aside"]]
    assert originals(report, "taxonomy") == ["nav_menu"]


def test_an_account_with_an_authors_address_is_the_author(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, make_user: Callable[..., User]
) -> None:
    mia = make_user("editor", username="mia_ho", email="Mia@example.org")
    author = "<wp:author><wp:author_login>mia</wp:author_login><wp:author_email>mia@EXAMPLE.org</wp:author_email></wp:author>"
    report = import_path(write_wxr(author, wxr_item(1)))
    assert Post.objects.get().author == mia
    assert User.objects.get().role == "editor"
    assert report["counts"]["unchanged"] == 1
    import_path(
        write_wxr(author.replace("</wp:author>", "<wp:author_display_name>X</wp:author_display_name></wp:author>"))
    )
    assert User.objects.get().display_name == ""


@pytest.mark.parametrize("is_verified", [False, True])
def test_an_account_that_a_stranger_has_registered_is_not_the_author(
    import_path: ImportPath,
    write_wxr: Write,
    wxr_item: Record,
    make_user: Callable[..., User],
    originals: Originals,
    is_verified: bool,
) -> None:
    stranger = make_user("subscriber", username="mallory", email="mia@example.org")
    User.objects.update(is_vouched_for=False, email_verified=is_verified)
    author = "<wp:author><wp:author_login>mia</wp:author_login><wp:author_email>mia@example.org</wp:author_email></wp:author>"
    report = import_path(write_wxr(author, wxr_item(1, wp_status="draft")))
    assert (Post.objects.get().author == stranger) is is_verified
    assert originals(report, "email") == ([] if is_verified else ["mia@example.org"])


def test_attachments_and_custom_types_are_skipped_each_with_an_item(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, originals: Originals
) -> None:
    url = "<wp:attachment_url>https://old.example/a.jpg</wp:attachment_url>"
    report = import_path(write_wxr(wxr_item(1, url, wp_post_type="attachment"), wxr_item(2, wp_post_type="product")))
    assert not Post.objects.exists()
    assert report["counts"]["skipped"] == 2
    assert originals(report, "item") == ["https://old.example/a.jpg", "https://old.example/2/"]


def test_what_is_lost_is_reported_unless_it_is_the_default(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record
) -> None:
    defaults = {
        "wp_is_sticky": "0",
        "wp_menu_order": "0",
        "wp_comment_status": "open",
        "guid": "https://old.example/1/",
    }
    lost = {"wp_is_sticky": "1", "wp_comment_status": "closed", "wp_odd": "?"}
    report = import_path(write_wxr(wxr_item(1, **defaults), wxr_item(2, **lost)))
    items = [(item["object"], item["field"], item["original"]) for item in report["items"] if "post" in item["object"]]
    assert items == [
        ("post 2", "wp:is_sticky", "1"),
        ("post 2", "wp:comment_status", "closed"),
        ("post 2", "wp:odd", "?"),
    ]


def test_links_of_posts_go_on_working(import_path: ImportPath, write_wxr: Write, wxr_item: Record) -> None:
    items = [wxr_item(1, link="https://old.example/2015/01/one/"), wxr_item(2, link="https://old.example/?p=2")]
    import_path(write_wxr(*items, wxr_item(3, link="https://old.example/")))
    assert set(Redirect.objects.values_list("old_path", flat=True)) == {"/2015/01/one/", "/?p=2"}


def test_comments_find_their_parents_wherever_they_stand(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, wxr_comment: Record, originals: Originals
) -> None:
    comments = [wxr_comment(3, parent=2), wxr_comment(2, parent=1), wxr_comment(1), wxr_comment(4, parent=99)]
    report = import_path(write_wxr(wxr_item(1, *comments, wxr_comment(5, parent=6), wxr_comment(6, parent=5))))
    assert sorted(Comment.objects.values_list("depth", flat=True)) == [0, 0, 0, 1, 1, 2]
    assert originals(report, "parent") == ["99", "5"]


def test_a_thread_that_is_too_deep_goes_on_at_the_deepest_level(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, wxr_comment: Record, originals: Originals
) -> None:
    report = import_path(write_wxr(wxr_item(1, *(wxr_comment(number, parent=number - 1) for number in range(1, 15)))))
    depths = sorted(Comment.objects.values_list("depth", flat=True))
    assert depths == [*range(11), 10, 10, 10]
    assert originals(report, "parent") == ["11", "12", "13"]


def test_comments_keep_their_guest_their_state_and_their_instant(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, wxr_comment: Record, originals: Originals
) -> None:
    odd = wxr_comment(4, approved="trash", type="pingback", author="", author_IP="203.0.113.9")
    comments = [
        wxr_comment(1),
        wxr_comment(2, approved="0"),
        wxr_comment(3, approved="spam"),
        odd,
        wxr_comment(5, text=" "),
    ]
    report = import_path(write_wxr(wxr_item(1, *comments)))
    found = list(Comment.objects.order_by("created_at", "pk").values_list("status", "author_name", "author_email"))
    assert sorted(found)[0] == ("pending", "Bo", "bo@example.org")
    assert sorted(status for status, _, _ in found) == ["pending", "published", "rejected", "spam"]
    assert Comment.objects.filter(created_at=datetime.datetime(2015, 1, 3, 3, 4, 5, tzinfo=datetime.UTC)).count() == 4
    assert Comment.objects.get(status="rejected").author_name == "Anonymous"
    assert originals(report, "type") == ["pingback"]
    assert originals(report, "wp:comment_author_IP") == ["203.0.113.9"]
    assert report["counts"]["skipped"] == 1


def test_a_signed_in_commenter_is_a_user_and_a_guest_with_an_authors_address_is_not(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, wxr_comment: Record
) -> None:
    author = "<wp:author><wp:author_id>7</wp:author_id><wp:author_login>mia</wp:author_login></wp:author>"
    import_path(write_wxr(author, wxr_item(1, wxr_comment(1, user_id="7"), wxr_comment(2, user_id="0"))))
    assert sorted(Comment.objects.values_list("author__username", flat=True), key=str) == [None, "mia"]


def test_an_id_that_stands_twice_is_imported_once_and_reported(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, wxr_comment: Record, originals: Originals
) -> None:
    first = wxr_item(1, wxr_comment(1, text="First."), wxr_comment(1, text="Second."), title="First")
    report = import_path(write_wxr(first, wxr_item(1, title="Second")))
    assert (Post.objects.get().title, Comment.objects.get().text) == ("First", "First.")
    assert originals(report, "id") == ["1", "1"]
    assert report["counts"]["skipped"] == 2


def test_a_newer_export_of_the_same_site_updates_posts_and_comments(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, wxr_comment: Record
) -> None:
    import_path(write_wxr(wxr_item(1, wxr_comment(1, approved="0")), wxr_item(2, wp_status="draft")))
    changed = wxr_item(1, wxr_comment(1, text="Edited."), title="New", wp_status="draft")
    report = import_path(write_wxr(changed, wxr_item(2, wp_status="publish"), wxr_item(3), name="later.xml"))
    assert report["counts"] == {"created": 1, "updated": 3, "unchanged": 1, "skipped": 0, "failed": 0}
    assert dict(Post.objects.values_list("title", "status")) == {
        "New": "draft",
        "Post 2": "published",
        "Post 3": "published",
    }
    assert Comment.objects.values_list("text", "status").get() == ("Edited.", "published")
