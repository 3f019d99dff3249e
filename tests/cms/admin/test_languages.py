from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise

from cms.models import Post, User
from cms.policy import SYSTEM
from cms.services.mails import send_password_reset
from cms.services.users import update_user

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
