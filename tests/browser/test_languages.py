"""Two languages: a writer turns to Japanese in the middle of a text, and no page has English left."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.cast import PASSWORD
from tests.browser.pages import look
from tests.browser.test_writing import type_text
from tests.browser.windows import opened, sign_in

ENGLISH = re.compile(r"\b[A-Za-z]{2,} [A-Za-z']{2,}\b")
OTHERS = re.compile(r"/|Google Authenticator|API v\d|deleted user|Found in attics|WordPress|Ghost")
"""Content, addresses, names of products and of time zones."""
# In the order of the menu; content and the names of events stay as they are.
PAGES = (
    *("cms/post/add/", "cms/tag/", "cms/tag/add/", "cms/category/", "cms/category/add/", "cms/mediafile/"),
    *("cms/mediafile/add/", "cms/user/add/", "cms/invitation/add/", "auth/group/add/", "cms/apikey/add/"),
    *("cms/webhook/add/", "cms/delivery/", "cms/redirect/", "cms/redirect/add/", "cms/redirect/try/", "cms/transfer/"),
    *("cms/transfer/add/", "cms/importrecord/", "profile/", "two-factor/", "password_change/"),
)


def choose_language(page: Page, site: str, code: str) -> None:
    page.goto(f"{site}/admin/profile/")
    page.locator("#preferences_language").select_option(code)
    page.locator("form[action$='/preferences/'] button[type=submit]").click()
    expect(page.locator("html")).to_have_attribute("lang", code or "en")


def test_a_writer_turns_to_japanese_in_the_middle_of_a_text(page: Page, size: str, site: str, axe: Path) -> None:
    sign_in(page, site, f"yuki_{size}")
    page.goto(f"{site}/admin/cms/post/add/")
    page.locator("#id_title").fill("Two tongues")
    type_text(page, "Begun in English.")
    expect(page.locator("#editor-state")).to_contain_text("Kept in this browser")
    other = page.context.new_page()
    choose_language(other, site, "ja")
    other.close()
    page.on("dialog", lambda dialog: dialog.accept())  # leaving asks first
    page.reload()
    expect(page.locator("#editor-notices")).to_contain_text("保存されていない")
    page.get_by_role("button", name="復元").click()
    expect(page.locator("#id_content")).to_have_value("Begun in English.")
    expect(page.get_by_role("button", name="太字")).to_be_visible()
    expect(page.get_by_role("button", name="明日 09:00")).to_be_visible()
    look(page, axe, "post-form-ja")
    page.get_by_role("button", name="下書きを保存").click()
    expect(page.get_by_text("「Two tongues」を保存しました。")).to_be_visible()
    page.goto(f"{site}/admin/cms/post/")
    expect(page.locator("#result_list")).to_contain_text("下書き")
    look(page, axe, "posts-ja")


@pytest.mark.slow
def test_no_page_has_english_left_for_a_reader_of_japanese(screen: Page, site: str) -> None:
    sign_in(screen, site, "chief")
    choose_language(screen, site, "ja")
    left = {}
    for path in PAGES:
        screen.goto(f"{site}/admin/{path}")
        lines = screen.locator("body").inner_text().splitlines()
        if found := [line for line in lines if ENGLISH.search(line) and not OTHERS.search(line)]:
            left[path] = found
    choose_language(screen, site, "")
    assert left == {}


def test_the_login_is_in_the_language_of_the_browser(browser: Browser, size: str, site: str, axe: Path) -> None:
    with opened(browser, size, locale="ja-JP") as page:
        page.goto(f"{site}/admin/")
        page.get_by_label("ユーザー名またはメールアドレス").fill("ada")
        page.get_by_label("パスワード").fill(PASSWORD)
        look(page, axe, "login-ja")
        page.get_by_role("button", name="ログイン").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()  # the user has not chosen one
