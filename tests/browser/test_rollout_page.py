"""The rollout's page as people meet it: on a screen and a phone, light and dark, with a screen reader, without scripts."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.cast import SIZES
from tests.browser.pages import troubles_of
from tests.browser.windows import resize, sign_in
from tests.databases import copied_database, process_env
from tests.servers import manage, serve

WORLDS = (
    *("empty", "zero", "middle", "passing", "held", "tripped"),
    *("crossing", "unguarded", "latched", "brownout", "crowded"),
)
SHOTS = os.environ.get("ROLLOUT_SHOTS")
"""A directory, for whoever wants to look at every state."""


@pytest.fixture(scope="module")
def env(template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with copied_database(template_of("sqlite"), tmp_path_factory.mktemp("rollout")) as url:
        env = process_env(url, CANARY_SHADOW_PERCENTAGE="0")
        make_content = "from tests.browser.content import make_content; make_content()"
        done = manage("shell", "-v0", "-c", make_content, env=env)
        assert done.returncode == 0, done.stderr
        yield env


@pytest.fixture(scope="module")
def address(env: dict[str, str]) -> Iterator[str]:
    with serve(env) as server:
        yield server.base_url
        assert "Traceback" not in server.log, server.log


@pytest.fixture
def show(env: dict[str, str]) -> Callable[..., None]:
    """`show("middle")`: the server's rollout is this world from now on, with a day of traffic unless there is none."""

    def make(name: str, *, has_traffic: bool = True) -> None:
        words = f"{name!r}, has_traffic={has_traffic}"
        done = manage("shell", "-v0", "-c", f"from tests.canary.pages import worlds; worlds.show({words})", env=env)
        assert done.returncode == 0, done.stderr

    return make


def take_shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def is_wider_than_its_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def labels_in_each_other(page: Page) -> list[list[str]]:
    """Pairs of texts of one chart that are drawn over each other."""
    found: list[list[str]] = page.evaluate("""[...document.querySelectorAll("svg:not(svg svg)")].flatMap(chart => {
        const seen = [...chart.querySelectorAll("text")].filter(one => one.checkVisibility());
        const boxes = seen.map(one => [one.textContent, one.getBoundingClientRect()]);
        return boxes.flatMap(([a, one], place) => boxes.slice(place + 1).filter(([_, other]) =>
            one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom
        ).map(([b, _]) => [a, b]));
    })""")
    return found


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('.canary details').forEach(one => { one.open = true; })")


def turn(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_every_state_fits_screen_and_phone_and_bars_nobody(
    screen: Page, address: str, show: Callable[[str], None], axe: Path, name: str
) -> None:
    sign_in(screen, address, "chief")
    show(name)
    for size in SIZES:
        for theme in ("light", "dark"):
            resize(screen, size)
            turn(screen, theme)
            screen.goto(f"{address}/admin/canary/")
            expect(screen.locator("#canary-state")).to_be_visible()
            assert not is_wider_than_its_window(screen), (size, theme)
            assert labels_in_each_other(screen) == [], (size, theme)
            take_shot(screen, f"{name}-{size}-{theme}")
            assert troubles_of(screen, axe) == [], (size, theme)
            unfold(screen)
            assert not is_wider_than_its_window(screen), (size, theme)
            assert labels_in_each_other(screen) == [], (size, theme)
            take_shot(screen, f"{name}-{size}-{theme}-unfolded")
            assert troubles_of(screen, axe) == [], (size, theme)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["migrating", "crowded"])
def test_the_migration_board_fits_and_bars_nobody(
    screen: Page, address: str, show: Callable[..., None], axe: Path, name: str
) -> None:
    sign_in(screen, address, "chief")
    show(name, has_traffic=False)
    screen.goto(f"{address}/admin/canary/consumers/")
    expect(screen.get_by_role("table")).to_be_visible()
    look_at_all_sizes(screen, axe, f"board-{name}", themes=("light", "dark"))
    screen.get_by_role("link", name="Fewer calls").click()
    expect(screen.get_by_text("Page 2 of")).to_be_visible()


@pytest.mark.slow
def test_the_forms_fit_and_bar_nobody(
    page: Page, size: str, address: str, show: Callable[[str], None], axe: Path
) -> None:
    sign_in(page, address, "chief")
    show("middle")
    forms = ("set/", "set/?show=1&percent=25", "set/?show=1&percent=x", "start/", "rollback/", "lifecycle/deprecate/")
    for place, form in enumerate(forms):
        turn(page, "dark" if place % 2 else "light")
        page.goto(f"{address}/admin/canary/do/{form}")
        assert not is_wider_than_its_window(page), form
        take_shot(page, f"form-{place}-{re.sub('[^a-z]+', '-', form)}-{size}")
        assert troubles_of(page, axe) == [], form


@pytest.mark.slow
def test_a_conflict_fits_and_bars_nobody(screen: Page, address: str, show: Callable[[str], None], axe: Path) -> None:
    sign_in(screen, address, "chief")
    show("zero")
    forms = [screen.context.new_page() for _ in range(2)]
    for form in forms:  # both are about the same state
        form.goto(f"{address}/admin/canary/do/set/?show=1&percent=5")
        form.get_by_label("Reason").fill("first come, first served")
    forms[0].get_by_role("button", name="Set the weight now").click()
    expect(forms[0].get_by_text("The weight is set.")).to_be_visible()
    forms[1].get_by_role("button", name="Set the weight now").click()
    expect(forms[1].get_by_role("alert")).to_contain_text("Somebody else was faster")
    look_at_all_sizes(forms[1], axe, "conflict", themes=("light", "dark"))


@pytest.mark.slow
def test_without_scripts_it_fits_and_bars_nobody(
    screen: Page, address: str, show: Callable[[str], None], axe: Path
) -> None:
    sign_in(screen, address, "chief")
    show("latched")
    screen.route("**/admin/canary/**", fulfill_without_scripts)
    for tail in ("", "do/set/?show=1&percent=25", "do/start/"):
        screen.goto(f"{address}/admin/canary/{tail}")
        expect(screen.locator(".canary-card").first).to_be_visible()
        look_at_all_sizes(screen, axe, f"without-scripts-{re.sub('[^a-z]+', '-', tail)}")


def fulfill_without_scripts(route: Route) -> None:
    """The page as a browser without scripts has it, in one that has them: only there axe can run."""
    answer = route.fetch()
    page = re.sub(r"<script\b.*?</script>|</?noscript>", "", answer.text(), flags=re.DOTALL)
    route.fulfill(response=answer, body=page)


def look_at_all_sizes(page: Page, axe: Path, name: str, themes: tuple[str, ...] = ("light",)) -> None:
    """As it is, without asking for it again: the theme's script turns a page dark when it is loaded."""
    for size in SIZES:
        for theme in themes:
            resize(page, size)
            page.evaluate("isDark => document.documentElement.classList.toggle('dark', isDark)", theme == "dark")
            assert not is_wider_than_its_window(page), (name, size, theme)
            take_shot(page, f"{name}-{size}-{theme}")
            assert troubles_of(page, axe) == [], (name, size, theme)


def test_a_rollback_is_two_clicks_and_is_acknowledged_with_a_reason(
    page: Page, address: str, show: Callable[[str], None]
) -> None:
    sign_in(page, address, "chief")
    show("middle")
    page.goto(f"{address}/admin/canary/")
    page.get_by_role("link", name="Roll back to v1").click()
    page.get_by_role("button", name="Roll back to v1 now").click()
    expect(page.get_by_role("alert")).to_contain_text("Rolled back: v1 answers everybody")
    page.get_by_label("Reason to continue").fill("it was the network")
    page.get_by_role("button", name="Acknowledge the rollback").click()
    expect(page.get_by_text("The rollback is acknowledged.")).to_be_visible()
    expect(page.locator("#canary-state")).to_contain_text("Nothing has started")


@pytest.mark.slow
def test_a_harmless_difference_is_accepted_from_the_first_line_on(
    page: Page, address: str, show: Callable[[str], None]
) -> None:
    sign_in(page, address, "chief")
    show("held")
    page.goto(f"{address}/admin/canary/")
    page.get_by_role("link", name="Look at the differences").click()
    page.locator("#canary-difference-1 > summary").click()
    page.locator("#canary-difference-1").get_by_role("link", name="Accept this difference").click()
    take_shot(page, "story-accept")
    page.get_by_label("Reason").fill("v2 writes the name as well")
    page.get_by_role("button", name="Accept the difference now").click()
    expect(page.get_by_text("The difference is accepted")).to_be_visible()
    take_shot(page, "story-accepted")
    expect(page.locator("#canary-state")).to_contain_text("differ from v1's in 11 ways")
    expect(page.locator("#canary-shadow")).to_contain_text("v2 writes the name as well")
    expect(page.locator("#canary-difference-1 > summary")).to_contain_text("accepted")


@pytest.mark.slow
def test_a_rollback_is_acknowledged_and_the_next_step_is_offered(
    page: Page, address: str, show: Callable[[str], None]
) -> None:
    sign_in(page, address, "chief")
    show("tripped")
    page.goto(f"{address}/admin/canary/")
    expect(page.get_by_role("alert")).to_contain_text("v2 fails totally")
    page.get_by_label("Reason to continue").fill("the broken query is repaired")
    page.get_by_role("button", name="Acknowledge the rollback").click()
    expect(page.get_by_text("The rollback is acknowledged.")).to_be_visible()
    take_shot(page, "story-acknowledged")
    expect(page.locator("#canary-state")).to_contain_text("Nothing has started")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator("#canary-events")).to_contain_text("the broken query is repaired")


@pytest.mark.slow
def test_a_plan_that_begins_with_a_step_down_says_so_before_it_starts(
    page: Page, address: str, show: Callable[[str], None]
) -> None:
    sign_in(page, address, "chief")
    show("zero")
    page.goto(f"{address}/admin/canary/do/set/?show=1&percent=50")
    page.get_by_label("Reason").fill("everybody who is used to it")
    page.get_by_role("button", name="Set the weight now").click()
    page.get_by_role("link", name="Start a plan").click()
    expect(page.get_by_label("Steps in percent")).to_have_value("90,100")
    take_shot(page, "story-plan-form")
    page.get_by_label("Steps in percent").fill("10,100")
    page.get_by_role("button", name="Show who would move").click()
    expect(page.get_by_role("alert")).to_contain_text("the plan begins at 10 %, and v2 has 50 % now")
    take_shot(page, "story-step-down")
    page.get_by_label("Reason").fill("a smaller beginning")
    page.get_by_role("button", name="Start a plan now").click()
    expect(page.get_by_text("The plan has started.")).to_be_visible()
    take_shot(page, "story-started")
    expect(page.locator("#canary-plan [aria-current=step]")).to_contain_text("10 %")
    expect(page.locator("#canary-events")).to_contain_text("50 % → 10 %")


@pytest.mark.slow
def test_fresh_numbers_come_by_themselves_and_open_details_stay_open(
    page: Page, address: str, show: Callable[[str], None]
) -> None:
    sign_in(page, address, "chief")
    show("middle")
    page.goto(f"{address}/admin/canary/")
    page.locator("#canary-evidence-fold > summary").click()
    page.locator("#canary-evidence-figures summary").click()
    page.evaluate("document.activeElement.blur()")
    show("latched")
    expect(page.get_by_role("alert")).to_contain_text("Rolled back: v1 answers everybody")
    expect(page.locator("#canary-evidence-figures")).to_have_attribute("open", "")
    page.get_by_label("Reason to continue").fill("half a sentence")
    show("zero")
    expect(page.locator("#canary-state")).to_contain_text("Nothing has started")
    expect(page.get_by_label("Reason to continue")).to_have_value("half a sentence")
    page.get_by_role("button", name="Stop refreshing").click()
    expect(page.get_by_role("button", name="Stop refreshing")).to_have_attribute("aria-pressed", "true")


@pytest.mark.slow
def test_the_page_works_under_a_strict_policy_for_scripts(
    screen: Page, address: str, show: Callable[[str], None]
) -> None:
    """The admin's theme evaluates expressions and sets styles; what the page brings itself needs neither."""
    sign_in(screen, address, "chief")
    show("middle")
    policy = (
        "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
    )

    def with_policy(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": policy})

    screen.route("**/admin/canary/", with_policy)
    screen.goto(f"{address}/admin/canary/")
    expect(screen.locator("#canary-refreshed")).to_contain_text("Refreshed at")


@pytest.mark.slow
def test_everything_is_done_without_scripts(unscripted: Page, address: str, show: Callable[[str], None]) -> None:
    sign_in(unscripted, address, "chief")
    show("latched")
    unscripted.goto(f"{address}/admin/canary/")
    take_shot(unscripted, "latched-without-scripts")
    unscripted.get_by_label("Reason to continue").fill("repaired")
    assert not is_wider_than_its_window(unscripted)
    unscripted.get_by_role("button", name="Acknowledge the rollback").click()
    unscripted.get_by_role("link", name="Set the weight").click()
    unscripted.get_by_label("Share of v2 in percent").fill("5")
    unscripted.get_by_role("button", name="Show who would move").click()
    expect(unscripted.get_by_text("would move to v2.")).to_be_visible()
    unscripted.get_by_label("Reason").fill("once more")
    unscripted.get_by_role("button", name="Set the weight now").click()
    expect(unscripted.locator("#canary-state")).to_contain_text("5 %")
    expect(unscripted.locator("#canary-events")).to_contain_text("once more")


@pytest.mark.slow
def test_the_page_is_walked_by_keyboard_to_the_rollback(page: Page, address: str, show: Callable[[str], None]) -> None:
    sign_in(page, address, "chief")
    show("middle")
    page.goto(f"{address}/admin/canary/")
    page.get_by_role("button", name="Stop refreshing").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Roll back to v1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Roll back to v1 now")).to_be_visible()
