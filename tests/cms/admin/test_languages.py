import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import Promise

from cms.accounts.hashers import HASHING
from cms.costs.turns import Busy
from cms.http.unavailable import unavailable_page
from cms.media.images import PICTURES
from cms.models import Post, User
from cms.policy import SYSTEM
from cms.search import SEARCHES
from cms.services.invitations import invite_user
from cms.services.mails import send_invitation, send_password_reset
from cms.services.single_sign_on.provider import ASKING
from cms.services.users import update_user
from cms.text.turns import TEXTS

JAPANESE = {"HTTP_ACCEPT_LANGUAGE": "ja,en;q=0.5"}


@pytest.fixture
def japanese(signed_in: Callable[[User], Client]) -> Callable[[User], Client]:
    """A client of a user who has chosen Japanese."""

    def make(user: User) -> Client:
        return signed_in(update_user(actor=SYSTEM, user=user, changes={"language": "ja"}, now=user.updated_at))

    return make


@pytest.mark.django_db
def test_before_somebody_signs_in_pages_follow_the_browser() -> None:
    page = Client().get("/admin/login/", **JAPANESE)
    assert 'lang="ja"' in page.content.decode()
    assert "ユーザー名またはメールアドレス" in page.content.decode()
    assert "Accept-Language" in page["Vary"]
    assert "Username or e-mail address" in Client().get("/admin/login/").content.decode()


def test_signed_in_pages_follow_the_users_choice(
    author: User, signed_in: Callable[[User], Client], japanese: Callable[[User], Client]
) -> None:
    assert "Scheduled next" in signed_in(author).get("/admin/", **JAPANESE).content.decode()
    assert "次の予約投稿" in japanese(author).get("/admin/", HTTP_ACCEPT_LANGUAGE="en").content.decode()


def test_lists_name_columns_states_filters_and_dates(
    editor: User, make_post: Callable[..., Post], japanese: Callable[[User], Client]
) -> None:
    post = make_post(title="A title")
    page = japanese(editor).get("/admin/cms/post/").content.decode()
    for words in ("投稿", "タイトル", "著者", "公開中", "ゴミ箱以外", "公開範囲", "操作を選択"):
        assert words in page, words
    assert f"{post.published_at:%Y/%m/%d}" in page


def test_a_refusal_of_a_service_is_shown_in_the_language_of_the_form(
    author: User, japanese: Callable[[User], Client], send_form: Callable[..., Any]
) -> None:
    page = send_form(japanese(author), "/admin/cms/post/add/", title="x" * 3, content="Text", language="no language")
    assert "BCP 47 の言語タグ" in page.content.decode()


def test_a_refusal_with_values_keeps_them(admin: User, japanese: Callable[[User], Client]) -> None:
    client = japanese(admin)
    fields = {"username": "admin", "email": "a@example.org", "role": "author", "_save": "1"}
    page = client.post("/admin/cms/user/add/", fields).content.decode()
    assert "は予約されています。" in page
    assert "admin" in page


def test_scripts_get_their_texts_from_the_catalogue_under_the_policy(
    author: User, japanese: Callable[[User], Client]
) -> None:
    client = japanese(author)
    texts = client.get(reverse("admin:jsi18n"))
    assert "下書き" not in texts.content.decode()  # of scripts alone
    assert '"Bold": "\\u592a\\u5b57"' in texts.content.decode()
    assert "text/javascript" in texts["Content-Type"]
    form = client.get("/admin/cms/post/add/")
    assert f'<script src="{reverse("admin:jsi18n")}"' in form.content.decode()
    assert "script-src 'self'" in form["Content-Security-Policy"]


def test_the_page_for_a_missing_post_is_in_the_language_of_its_reader(
    author: User, japanese: Callable[[User], Client]
) -> None:
    page = japanese(author).get("/admin/cms/post/nothing/json/")
    assert page.status_code == 404
    assert "このページはありません" in page.content.decode()


def test_each_error_page_is_in_the_language_of_its_reader(author: User) -> None:
    update_user(actor=SYSTEM, user=author, changes={"language": "ja"}, now=author.updated_at)
    client = Client(enforce_csrf_checks=True)
    client.force_login(author)
    big = {"data": b"x" * 600_000, "content_type": "application/x-www-form-urlencoded"}
    pages = {
        "このページはありません": client.get("/admin/no-such-page/"),
        "このページを開けません": client.get("/admin/cms/auditevent/"),
        "フォームを受け付けられませんでした": client.post("/admin/cms/post/add/", {"title": "x"}),
        "送信した内容が大きすぎます": client.post("/admin/cms/post/add/", **big),
    }
    for words, page in pages.items():
        assert ('lang="ja"' in page.content.decode(), words in page.content.decode()) == (True, True), words


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/no-such-page", "/previews/no-such-token"])
def test_outside_the_admin_site_pages_follow_the_browser(path: str, django_assert_num_queries: Any) -> None:
    page = Client().get(path, **JAPANESE)
    assert 'lang="ja"' in page.content.decode()
    assert "Accept-Language" in page["Vary"]
    assert 'lang="en"' in Client().get(path).content.decode()
    with django_assert_num_queries(0):
        Client().get(path, HTTP_COOKIE="sessionid=unknown", **JAPANESE)


@pytest.mark.django_db
def test_a_cache_keeps_pages_apart_by_the_cookie_of_a_language() -> None:
    client = Client(HTTP_COOKIE="django_language=ja")
    page = client.get("/no-such-page")
    assert 'lang="ja"' in page.content.decode()
    assert {"Accept-Language", "Cookie"} <= set(page["Vary"].split(", "))


@pytest.mark.parametrize("busy", [SEARCHES, TEXTS, PICTURES, HASHING, ASKING], ids=lambda each: each._what)
def test_a_busy_server_says_so_in_japanese(busy: Any) -> None:
    with translation.override("ja"):
        page = unavailable_page(Busy(busy._what)).content.decode()
    assert busy._what not in page
    assert "Too many" not in page


def test_the_home_page_is_in_english_for_everybody() -> None:
    page = Client().get("/", **JAPANESE)
    assert 'lang="en"' in page.content.decode()
    assert "Accept-Language" not in page.get("Vary", "")


def test_a_preview_names_the_language_of_its_post_beside_that_of_the_page(
    author: User, signed_in: Callable[[User], Client], make_post: Callable[..., Post]
) -> None:
    post = make_post(title="Ein Brief", language="de", is_published=False)
    address = signed_in(author).post(f"/admin/cms/post/{post.pk}/share/").json()["address"]
    page = Client().get(address.removeprefix("http://testserver"), **JAPANESE).content.decode()
    assert '<html lang="de">' in page
    assert '<p class="note" lang="ja" dir="ltr">プレビュー' in page


def test_texts_of_posts_are_marked_with_their_language(
    editor: User, japanese: Callable[[User], Client], make_post: Callable[..., Post]
) -> None:
    post, client = make_post(title="Ein Brief", language="de"), japanese(editor)
    assert 'dir="auto" lang="de">Ein Brief<' in client.get("/admin/cms/post/").content.decode()
    form = client.get(f"/admin/cms/post/{post.pk}/change/").content.decode()
    for name in ("title", "content", "excerpt"):
        [field] = re.findall(rf'<(?:input|textarea)[^>]* name="{name}"[^>]*>', form)
        assert 'lang="de"' in field
    assert 'lang="' not in re.findall(r'<input[^>]* name="slug"[^>]*>', form)[0]


def test_an_invitation_is_in_the_language_of_the_site(admin: User, mailoutbox: list[Any]) -> None:
    update_user(actor=SYSTEM, user=admin, changes={"language": "ja"}, now=admin.updated_at)
    place = "http://testserver/admin/"
    invited = {"email": "new@example.org", "role": "author", "admin_url": place}
    invitation = invite_user(actor=admin, now=timezone.now(), **invited)
    mailoutbox.clear()
    send_invitation.func(str(invitation.pk), place)
    assert mailoutbox[0].subject == "Your invitation"


def test_mails_are_in_the_language_that_their_reader_has_chosen(author: User, mailoutbox: list[Any]) -> None:
    update_user(actor=SYSTEM, user=author, changes={"language": "ja"}, now=author.updated_at)
    send_password_reset.func(str(author.pk))
    assert mailoutbox[0].subject == "新しいパスワードの設定"
    assert "有効期間は1 時間で" in mailoutbox[0].body
    assert translation.get_language() == "en"


def test_every_model_and_field_of_ours_has_a_name_that_is_translated() -> None:
    for model in site._registry:
        if model._meta.app_label == "cms":
            assert isinstance(model._meta.verbose_name, Promise), model
            with translation.override("ja"):
                assert str(model._meta.verbose_name) != model._meta.model_name.lower(), model
