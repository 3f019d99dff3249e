"""Stories of those who manage a site and their own account: profile, keys, webhooks, redirects, audit, import."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.pages import look
from tests.browser.test_writing import write_draft
from tests.browser.windows import open_actions, open_menu, sign_in


def test_a_profile_is_reached_by_the_keyboard_and_proposes_the_time_zone(
    page: Page, size: str, site: str, axe: Path
) -> None:
    sign_in(page, site, f"zoe_{size}")
    page.goto(f"{site}/admin/")
    open_menu(page)
    menu = page.get_by_role("button", name=f"zoe_{size}@example.org")
    menu.focus()
    page.keyboard.press("Enter")
    profile = page.get_by_role("link", name="Profile", exact=True)
    expect(profile).to_be_visible()
    profile.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/profile/")
    here = page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    expect(page.get_by_label("Time zone")).to_have_value(here)
    expect(page.get_by_text("Your browser is in this time zone")).to_be_visible()
    look(page, axe, "profile")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.locator("form[action$='/preferences/']").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your time zone and language were saved.")).to_be_visible()
    expect(page.locator("#sessions")).to_contain_text("This browser")


def test_a_name_is_asked_for_once_the_role_is_admin(page: Page, site: str) -> None:
    sign_in(page, site, "chief")
    page.goto(f"{site}/admin/cms/user/add/")
    typed = page.get_by_label("Type the username to confirm")
    expect(typed).to_be_hidden()
    page.get_by_label("Role").select_option("admin")
    expect(typed).to_be_visible()


def test_a_key_is_made_by_a_preset_and_copied(page: Page, site: str, axe: Path) -> None:
    sign_in(page, site, "chief")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
    page.goto(f"{site}/admin/cms/apikey/add/")
    page.get_by_label("Name").fill("Robot")
    page.get_by_label("Preset").select_option("write")
    expect(page.get_by_label("posts:write")).to_be_checked()
    expect(page.get_by_label("users:read")).not_to_be_checked()
    look(page, axe, "key-form")
    page.get_by_role("button", name="Save", exact=True).click()
    shown = page.locator("#secret").inner_text()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == shown
    look(page, axe, "key-shown")


def test_a_webhook_is_made_of_groups_of_events_and_tested(page: Page, size: str, site: str, axe: Path) -> None:
    sign_in(page, site, "chief")
    page.goto(f"{site}/admin/cms/webhook/add/")
    page.get_by_label("URL").fill(f"https://hooks.example.org/{size}")
    page.get_by_role("group", name="Comments").get_by_label("comment.created").check()
    look(page, axe, "webhook-form")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="I have kept it").click()
    page.wait_for_url("**/change/")
    open_actions(page)
    page.get_by_role("link", name="Send test").click()
    page.locator("#dialog").get_by_role("button", name="Send test").click()
    expect(page.get_by_text("sent a test event")).to_be_visible()
    look(page, axe, "webhook")
    open_actions(page)
    page.get_by_role("link", name="New secret").click()
    page.wait_for_url("**/renew-secret/")
    look(page, axe, "webhook-new-secret")
    page.goto(f"{site}/admin/cms/delivery/")
    page.locator("#result_list tr", has_text=f"hooks.example.org/{size}").get_by_role(
        "link", name="webhook.test"
    ).click()
    page.wait_for_url("**/cms/delivery/*/change/*")
    look(page, axe, "delivery")


def test_an_address_is_tried_before_and_after_its_redirect(page: Page, size: str, site: str, axe: Path) -> None:
    sign_in(page, site, "erin")
    old = f"/old/harbour-{size}"
    page.goto(f"{site}/admin/cms/redirect/try/")
    page.get_by_label("Address").fill(f"{old}/")
    page.get_by_role("button", name="Try").click()
    expect(page.locator("#found")).to_contain_text("leads nowhere")
    look(page, axe, "redirect-none")
    page.get_by_role("link", name="Add a redirect").click()
    expect(page.get_by_label("Old address")).to_have_value(f"{old}/")
    page.locator(".field-post .select2-selection").click()
    page.locator(".select2-search__field").fill("harbour")
    page.locator(".select2-results__option", has_text="Notes from the harbour").click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/cms/redirect/")
    page.goto(f"{site}/admin/cms/redirect/try/?path={old}")
    expect(page.locator("#found")).to_contain_text("Notes from the harbour")
    look(page, axe, "redirect-found")


def test_the_audit_trail_names_what_happened_and_is_exported(page: Page, site: str, axe: Path) -> None:
    sign_in(page, site, "chief")
    post_id = write_draft(page, site, "Watched").split("/")[-3]
    page.goto(f"{site}/admin/cms/auditevent/?deed=content&q={post_id}")
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Watched")
    look(page, axe, "audit")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    [_header, exported] = download.value.path().read_text().splitlines()
    assert "Watched" in exported
    rows.get_by_role("link", name="20").click()
    page.wait_for_url("**/cms/auditevent/*/change/*")
    look(page, axe, "audit-event")


def test_an_import_is_checked_and_started_in_the_browser(page: Page, site: str, axe: Path, tmp_path: Path) -> None:
    sign_in(page, site, "chief")
    page.goto(f"{site}/admin/cms/transfer/add/")
    look(page, axe, "import-form")
    export = tmp_path / "one.md"
    export.write_text("---\ntitle: Imported in a browser\nlayout: unknown\n---\nWords.\n")
    page.locator("#id_file").set_input_files(export)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.get_by_text("A worker checks")).to_be_visible()
    look(page, axe, "import-checking")


def test_the_user_page_shows_role_sessions_and_keys(page: Page, site: str, axe: Path) -> None:
    sign_in(page, site, "chief")
    page.goto(f"{site}/admin/cms/user/?q=erin")
    look(page, axe, "users")
    page.locator("#result_list").get_by_role("link", name="erin").first.click()
    expect(page.get_by_text("Changes every post and file")).to_be_visible()
    look(page, axe, "user")


def test_an_error_page_leads_back(refused: Page, site: str, axe: Path) -> None:
    answer = refused.goto(f"{site}/no-such-page")
    assert answer
    assert answer.status == 404
    look(refused, axe, "not-found")
    refused.get_by_role("link", name="Overview of the admin site").click()
    refused.wait_for_url("**/admin/login/**")
