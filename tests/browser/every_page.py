"""The addresses of the admin site's pages: each list of the menu, a form of each, an object of each, and what they link to."""

from playwright.sync_api import Page

BESIDE = (
    *("password_change/", "two-factor/", "two-factor/app/", "two-factor/passkeys/"),
    *("cms/post/?q=letters&state=archived", "cms/post/add/?_popup=1"),
)
"""Pages that no list leads to."""
OF_ADMINS = ("canary/", "canary/debt/", "canary/consumers/")
"""The same, for admins alone."""
OPEN_PAGES = (
    *("/", "/admin/login/", "/admin/password-reset/", "/admin/password-reset/sent/", "/admin/password-reset/new/"),
    *("/api/v2/docs", "/api/v2/changelog", "/api/v2/docs/v1-to-v2", "/api/v2/posts?limit=2"),
)
LINKS = "links => links.map(link => link.href)"
_OF_OBJECTS = ("/history/", "/revisions/", "/delete/", "/json/", "/advice/")


def pages_of(page: Page, site: str, *, is_admin: bool) -> list[str]:
    """Return the addresses of all that somebody who has signed in finds from the first page on. It is left anywhere."""
    page.goto(f"{site}/admin/")
    lists = sorted(set(page.eval_on_selector_all("#nav-sidebar a[href*='/admin/']", LINKS)))
    assert len(lists) > (8 if is_admin else 2), lists
    forms: list[str] = []
    for address in lists:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        rows = page.eval_on_selector_all("#result_list tbody a, .media-tile a, .comment-card a", LINKS)
        forms += [url for url in rows if "/change/" in url][:1]
        forms += page.eval_on_selector_all("#content a[href$='/add/']", LINKS)[:1]
    of_objects: list[str] = []
    beside = (*BESIDE, *OF_ADMINS) if is_admin else BESIDE
    for address in dict.fromkeys(forms):
        page.goto(address)
        found = page.eval_on_selector_all("#main a[href], #content a[href]", LINKS)
        of_objects += [url for url in found if "/admin/" in url and url.endswith(_OF_OBJECTS)]
    return [*dict.fromkeys((*lists, *forms, *of_objects, *(f"{site}/admin/{path}" for path in beside)))]
