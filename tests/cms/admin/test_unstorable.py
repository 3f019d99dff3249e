"""Texts that PostgreSQL can't store, in addresses, forms and cookies: refused, without a traceback in the log."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from cms.models import Post, User

NUL = "a\x00b"
SUGGESTIONS = "/admin/autocomplete/?app_label=cms&model_name=post&field_name="


@pytest.mark.parametrize(
    "path",
    [
        "/admin/cms/post/pictures/?q=%00",
        "/admin/search/?s=%00",
        *(f"/admin/search/?s=a&page={page}" for page in ("%00", "x", "9" * 21)),
        "/admin/cms/post/add/?title=%00&categories=%00",
        *(f"{SUGGESTIONS}{name}&term=%00" for name in ("categories", "co_authors", "featured_image", "tags")),
    ],
)
def test_an_address_with_nul_or_a_page_that_is_not_there_is_refused(
    signed_in: Callable[[User], Client], author: User, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    assert signed_in(author).get(path).status_code < 500
    assert not [line for line in caplog.records if line.exc_info]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/admin/cms/post/advice/", {"content": "x", "content_format": "markdown", "slug": NUL}),
        ("/admin/cms/post/", {"action": "trash_selected", "_selected_action": NUL}),
        ("/admin/cms/post/", {"action": "trash_selected", "_selected_action": "zz"}),
    ],
)
def test_a_form_with_nul_is_refused(
    signed_in: Callable[[User], Client],
    author: User,
    make_post: Callable[..., Post],
    caplog: pytest.LogCaptureFixture,
    path: str,
    fields: Any,
) -> None:
    make_post(author=author)
    answer = signed_in(author).post(path, fields)
    assert answer.status_code < 500
    assert not [line for line in caplog.records if line.exc_info]
    assert Post.objects.count() == 1


@pytest.mark.parametrize(
    "query",
    [
        *("categories=1,2", "featured_image=zz", "co_authors=1", "categories=%00"),
        *("categories={}", "expires_at=x", "published_at=x", "is_counted=x"),
    ],
)
def test_a_form_is_filled_in_with_texts_and_suggested_rows_alone(
    signed_in: Callable[[User], Client], author: User, query: str
) -> None:
    page = signed_in(author).get(f"/admin/cms/post/add/?title=Tea&{query.format(author.pk)}")
    assert page.status_code == 200
    assert page.context["adminform"].form.initial["title"] == "Tea"


@pytest.mark.django_db
@pytest.mark.parametrize("key", ['"aaaaaaaa\\000"', "x" * 5_000, "unknown", "A" * 32])
@pytest.mark.parametrize(
    ("path", "status"),
    [("/admin/", 302), ("/admin/login/", 200), ("/api/v1/posts", 200), ("/api/v2/posts", 200), ("/api/posts", 200)],
)
def test_a_cookie_that_names_no_session_is_none(key: str, path: str, status: int) -> None:
    answer = Client().get(path, headers={"cookie": f"{settings.SESSION_COOKIE_NAME}={key}"})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/admin/cms/post/add/", {"featured_image": "x"}),
        ("/admin/cms/post/add/", {"categories": "[]", "co_authors": NUL}),
        ("/admin/cms/redirect/add/", {"old_path": "/a", "post": "x"}),
        ("/admin/cms/comment/undo/", {"comment": "x"}),
        ("/admin/cms/apikey/add/", {"name": "x", "owner": "x"}),
    ],
)
def test_a_form_with_ids_that_are_none_is_shown_again(
    signed_in: Callable[[User], Client], admin: User, path: str, fields: Any
) -> None:
    text = {"title": "T", "content": "x", "content_format": "markdown", "visibility": "public", "language": "en"}
    assert signed_in(admin).post(path, {**text, **fields}).status_code in (200, 302)
    assert not Post.objects.exists()


@pytest.mark.parametrize("path", ["post/?_facets=", "comment/?_facets=", "comment/?_facets=x", "tag/?_facets="])
def test_facets_are_not_counted(signed_in: Callable[[User], Client], admin: User, path: str) -> None:
    assert signed_in(admin).get(f"/admin/cms/{path}", follow=True).status_code == 200


def test_a_field_that_an_address_leaves_empty_is_that_of_ids(
    signed_in: Callable[[User], Client], admin: User, make_post: Callable[..., Post]
) -> None:
    post = make_post()
    assert signed_in(admin).get(f"/admin/cms/post/{post.pk}/change/?_to_field=").status_code == 200
