from collections.abc import Callable

import pytest
from django.test import Client

from cms.models import Post, User

PAGES = {
    "post": {"author", "editor", "admin"},
    "postrevision": {"author", "editor", "admin"},
    "comment": {"editor", "admin"},
    "tag": {"editor", "admin"},
    "category": {"editor", "admin"},
    "mediafile": {"author", "editor", "admin"},
    "apikey": {"author", "editor", "admin"},
    "redirect": {"editor", "admin"},
    "user": {"admin"},
    "invitation": {"admin"},
    "auditevent": {"admin"},
    "importrecord": {"admin"},
    "transfer": {"admin"},
    "webhook": {"admin"},
    "delivery": {"admin"},
}


@pytest.mark.parametrize("role", ["author", "editor", "admin"])
def test_each_role_opens_the_pages_of_its_work_and_no_others(
    make_user: Callable[..., User], signed_in: Callable[[User], Client], role: str
) -> None:
    client = signed_in(make_user(role))
    opened = {name for name in PAGES if client.get(f"/admin/cms/{name}/").status_code == 200}
    assert opened == {name for name, roles in PAGES.items() if role in roles}


@pytest.mark.parametrize("role", ["author", "editor", "admin"])
def test_the_menu_shows_what_may_be_opened_and_nothing_else(
    make_user: Callable[..., User], signed_in: Callable[[User], Client], role: str
) -> None:
    page = signed_in(make_user(role)).get("/admin/")
    links = {item["link"] for group in page.context["sidebar_navigation"] for item in group["items"]}
    expected = {f"/admin/cms/{name}/" for name, roles in PAGES.items() if role in roles}
    assert {link for link in links if link.startswith("/admin/cms/")} == expected


def test_an_author_finds_own_and_co_authored_posts_alone(
    make_user: Callable[..., User], make_post: Callable[..., Post], signed_in: Callable[[User], Client]
) -> None:
    author, other = make_user("author"), make_user("author")
    make_post(by=author, title="Mine")
    make_post(by=other, title="Ours", co_authors=[author])
    make_post(by=other, title="Theirs")
    page = signed_in(author).get("/admin/cms/post/")
    assert {post.title for post in page.context["cl"].result_list} == {"Mine", "Ours"}


@pytest.mark.parametrize("tail", ["change/", "history/", "publish/", "trash/", "revisions/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_address_shows_or_changes_the_post_of_another(
    make_user: Callable[..., User],
    make_post: Callable[..., Post],
    signed_in: Callable[[User], Client],
    tail: str,
    method: str,
) -> None:
    post = make_post(title="Strictly private", is_published=False)
    client = signed_in(make_user("author"))
    data = {"title": "Taken over", "_form_submitted": "True"}
    response = getattr(client, method)(f"/admin/cms/post/{post.pk}/{tail}", data, follow=True)
    assert "Strictly private" not in response.content.decode()
    post.refresh_from_db()
    assert (post.title, post.status, post.version) == ("Strictly private", "draft", 1)


def test_revisions_of_others_are_hidden_like_their_posts(
    make_user: Callable[..., User], make_post: Callable[..., Post], signed_in: Callable[[User], Client]
) -> None:
    revision = make_post(title="Strictly private").revisions.get()
    client = signed_in(make_user("author"))
    assert client.get("/admin/cms/postrevision/").context["cl"].result_count == 0
    response = client.get(f"/admin/cms/postrevision/{revision.pk}/change/", follow=True)
    assert "Strictly private" not in response.content.decode()


@pytest.mark.parametrize("name", ["auditevent", "postrevision", "importrecord", "delivery"])
def test_records_are_looked_at_and_never_changed(admin: User, signed_in: Callable[[User], Client], name: str) -> None:
    client = signed_in(admin)
    assert client.get(f"/admin/cms/{name}/add/").status_code == 403
    assert client.get(f"/admin/cms/{name}/").status_code == 200


@pytest.mark.parametrize("name", ["post", "user"])
def test_posts_and_users_have_no_delete_page(
    admin: User, make_post: Callable[..., Post], signed_in: Callable[[User], Client], name: str
) -> None:
    row = make_post() if name == "post" else admin
    response = signed_in(admin).post(f"/admin/cms/{name}/{row.pk}/delete/", {"post": "yes"})
    assert response.status_code == 403
    assert type(row).objects.filter(pk=row.pk).exists()
