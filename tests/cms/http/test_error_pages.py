"""Errors outside the APIs have the site's own look, and a way back."""

from collections.abc import Callable
from typing import Any

from django.test import Client, RequestFactory

from cms.http.unavailable import server_error, unavailable_page
from cms.media.outages import MediaUnavailable
from cms.models import User

LOOK = "/static/cms/page.css"


def _is_in_our_look(page: Any, status: int) -> bool:
    text = page.content.decode()
    return page.status_code == status and LOOK in text and 'href="/admin/"' in text


def test_a_page_that_is_not_there_leads_back(db: None) -> None:
    assert _is_in_our_look(Client().get("/no-such-page"), 404)


def test_an_unknown_page_of_the_admin_site_leads_back(author: User) -> None:
    client = Client()
    client.force_login(author)
    assert _is_in_our_look(client.get("/admin/no-such-page/"), 404)


def test_a_page_that_the_role_does_not_open_leads_back(author: User) -> None:
    client = Client()
    client.force_login(author)
    assert _is_in_our_look(client.get("/admin/cms/auditevent/"), 403)


def test_a_form_without_its_token_says_that_the_text_is_still_there(author: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(author)
    page = client.post("/admin/cms/post/add/", {"title": "x"})
    assert _is_in_our_look(page, 403)
    assert "still there" in page.content.decode()


def test_a_fault_and_an_outage_lead_back(rf: RequestFactory) -> None:
    assert _is_in_our_look(server_error(rf.get("/admin/")), 500)
    assert _is_in_our_look(unavailable_page(MediaUnavailable("open", "a.png")), 503)


def test_the_api_answers_errors_in_its_own_words(db: None) -> None:
    assert LOOK not in Client().get("/api/v2/nowhere").content.decode()


def test_a_login_without_a_page_to_go_to_ends_at_the_overview(author: User, make_user: Callable[..., User]) -> None:
    user = make_user("author", password="a long enough pass-phrase")
    page = Client().post("/admin/login/", {"username": user.username, "password": "a long enough pass-phrase"})
    assert (page.status_code, page.headers["Location"]) == (302, "/admin/")
