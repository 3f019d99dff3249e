from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from cms.models import AuditEvent, Category, Post, Tag, User

ADD = "/admin/cms/post/add/"


def _change(post: Post) -> str:
    return f"/admin/cms/post/{post.pk}/change/"


def _actions(row: Any) -> list[str]:
    return list(AuditEvent.objects.filter(object_id=row.pk).order_by("pk").values_list("action", flat=True))


@pytest.fixture
def client(author: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(author)


def test_a_new_post_has_its_author_slug_tags_revision_and_audit_event(
    client: Client, author: User, send_form: Callable[..., Any]
) -> None:
    send_form(client, ADD, title="On letters", content="Some *words*.", tags=["letters", "Archives"])
    post = Post.objects.get()
    assert (post.author, post.slug, post.status, post.excerpt) == (author, "on-letters", "draft", "Some words.")
    assert {tag.name for tag in post.tags.all()} == {"letters", "Archives"}
    assert post.revisions.get().author == author
    assert _actions(post) == ["post.created"]


def test_a_change_sends_only_what_was_changed(
    client: Client, make_post: Callable[..., Post], send_form: Callable[..., Any]
) -> None:
    post = make_post(title="Before", content="Line one\n\nLine two\n", tags=["kept"])
    response = send_form(client, _change(post), title="After")
    assert response.status_code == 302
    changed = Post.objects.get()
    assert (changed.title, changed.content, changed.slug) == ("After", "Line one\n\nLine two\n", post.slug)
    assert [tag.name for tag in changed.tags.all()] == ["kept"]
    event = AuditEvent.objects.get(object_id=post.pk, action="post.updated")
    assert event.before == {"title": "Before"}
    assert event.after == {"title": "After"}
    assert event.ip == "127.0.0.1"


@pytest.mark.parametrize("content", ["    code\n", "a\r\nb", "\n\nlate", "tail  \n\n"])
def test_saving_without_a_change_changes_nothing(
    client: Client, make_post: Callable[..., Post], send_form: Callable[..., Any], content: str
) -> None:
    post = make_post(content=content)
    browser_content = content.replace("\r\n", "\n").replace("\n", "\r\n")
    assert send_form(client, _change(post), content=browser_content).status_code == 302
    unchanged = Post.objects.get()
    assert (unchanged.version, unchanged.content) == (post.version, content)


def test_publish_puts_the_text_on_the_screen_in_public(
    client: Client, make_post: Callable[..., Post], send_form: Callable[..., Any]
) -> None:
    post = make_post(title="Before", is_published=False)
    send_form(client, _change(post), button="_publish", title="After", content="As I see it.")
    published = Post.objects.get()
    assert (published.status, published.title, published.content) == ("published", "After", "As I see it.")
    page = client.get(_change(post))
    assert "“After” was published." in page.content.decode()
    assert 'name="_publish"' not in page.content.decode()


def test_a_new_post_is_published_at_once(client: Client, send_form: Callable[..., Any]) -> None:
    page = send_form(client, ADD, button="_publish", title="On letters", content="Some words.")
    post = Post.objects.get()
    assert (page.headers["Location"], post.status) == (_change(post), "published")


def test_a_text_is_not_saved_when_it_cannot_be_published(
    client: Client, make_post: Callable[..., Post], send_form: Callable[..., Any]
) -> None:
    expires = datetime(2199, 1, 1, tzinfo=UTC)
    post = make_post(title="Before", is_published=False, expires_at=expires)
    late = {"title": "After", "publish_at": "2199-01-02T00:00"}
    page = send_form(client, _change(post), button="_publish", **late)
    assert "A post expires after it was published." in str(page.context["adminform"].form.errors)
    assert Post.objects.get().title == "Before"


def test_tags_changed_on_a_public_post_settle_the_counts(
    client: Client, make_post: Callable[..., Post], send_form: Callable[..., Any]
) -> None:
    post = make_post(tags=["old", "both"])
    send_form(client, _change(post), tags=["both", "new"])
    assert dict(Tag.objects.values_list("name", "usage_count")) == {"old": 0, "both": 1, "new": 1}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("slug", "taken", "A post with this slug exists."),
        ("slug", "No Slug", "lower-case"),
        ("language", "not a language", "BCP 47"),
        ("tags", ["x" * 51], "At most 50 characters"),
        ("excerpt", "x" * 501, "At most 500 characters"),
        ("title", "", "required"),
    ],
)
@pytest.mark.parametrize("is_new", [True, False])
def test_what_a_service_refuses_is_an_error_of_its_field_and_nothing_is_saved(
    client: Client,
    make_post: Callable[..., Post],
    send_form: Callable[..., Any],
    field: str,
    value: Any,
    said: str,
    is_new: bool,
) -> None:
    make_post(slug="taken")
    post = make_post(title="Before")
    values = {"title": "After", "content": "Words.", "tags": ["fresh"], field: value}
    page = send_form(client, ADD if is_new else _change(post), **values)
    assert page.status_code == 200
    assert said in str(page.context["adminform"].form.errors[field])
    assert "After" in page.content.decode() or field == "title"  # what was typed is not lost
    assert list(Post.objects.values_list("title", flat=True).order_by("title")) == ["A post", "Before"]
    assert not Tag.objects.exists()
    assert _actions(post) == ["post.created", "post.published"]


def test_an_expiry_before_publication_is_an_error_of_its_field(
    client: Client, make_post: Callable[..., Post], send_form: Callable[..., Any]
) -> None:
    post = make_post()
    page = send_form(client, _change(post), expires_at=post.published_at.replace(year=2001))
    assert "expires after" in str(page.context["adminform"].form.errors["expires_at"])
    assert Post.objects.get().expires_at is None


def test_a_given_up_slug_leads_on_to_the_post(
    client: Client, make_post: Callable[..., Post], send_form: Callable[..., Any]
) -> None:
    post = make_post(slug="old-name")
    send_form(client, _change(post), slug="new-name")
    assert post.redirects.get().old_path == "/posts/old-name"


def test_an_author_files_a_post_under_categories_and_names_a_co_author(
    client: Client, make_user: Callable[..., User], send_form: Callable[..., Any]
) -> None:
    category = Category.objects.create(name="Letters", slug="letters")
    other = make_user("author")
    values = {"categories": [str(category.pk)], "co_authors": [str(other.pk)]}
    send_form(client, ADD, title="Both", content="Words.", **values)
    post = Post.objects.get()
    assert ([*post.categories.all()], [*post.co_authors.all()]) == ([category], [other])
