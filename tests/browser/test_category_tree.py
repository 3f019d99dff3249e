"""An editor moves categories in their tree: by the pointer, and by keys alone; each move can be undone."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.pages import look
from tests.browser.windows import sign_in


def _make(page: Page, site: str, *names: str) -> None:
    for name in names:
        page.goto(f"{site}/admin/cms/category/add/")
        page.locator("#id_name").fill(name)
        page.get_by_role("button", name="Save", exact=True).click()
        page.wait_for_url("**/cms/category/")


def _depth(page: Page, name: str) -> int:
    return page.locator(".tree-name", has=page.get_by_role("link", name=name, exact=True)).locator(".tree-step").count()


def _drag(page: Page, name: str, onto: str) -> None:
    button = page.get_by_role("button", name=f"Move {name}", exact=True)
    button.evaluate("button => button.scrollIntoView({block: 'center'})")  # with the rows around it
    handle = button.bounding_box()
    assert handle
    page.mouse.move(handle["x"] + 10, handle["y"] + 10)
    page.mouse.down()
    page.mouse.move(handle["x"] + 30, handle["y"] + 20)
    target = page.locator(onto).bounding_box()
    assert target
    page.mouse.move(target["x"] + 60, target["y"] + target["height"] / 2, steps=3)
    expect(page.locator(f"{onto}.is-target")).to_be_visible()
    page.mouse.up()


def _row_of(name: str) -> str:
    return f"#result_list tr:has(button[data-name='{name}'])"


def test_categories_are_dragged_onto_another_and_to_the_top(page: Page, size: str, site: str) -> None:
    sign_in(page, site, "erin")
    maps, atlases = f"{size} maps", f"{size} atlases"
    _make(page, site, maps, atlases)
    page.locator(f"{_row_of(maps)} .action-select").check()
    _drag(page, atlases, _row_of(maps))
    undo = page.locator("form.undo")
    expect(undo).to_contain_text(f"“{atlases}” is below “{maps}” now.")
    assert _depth(page, atlases) == 1
    expect(page.locator(f"{_row_of(maps)} .action-select")).to_be_checked()
    undo.get_by_role("button").click()
    expect(undo).to_be_hidden()
    expect(page.locator(f"{_row_of(atlases)} .tree-step")).to_have_count(0)
    _drag(page, atlases, _row_of(maps))
    expect(undo).to_be_visible()
    _drag(page, atlases, "#tree-top")
    expect(undo).to_contain_text(f"“{atlases}” is at the top level now.")
    expect(page.locator(f"{_row_of(atlases)} .tree-step")).to_have_count(0)


def test_a_category_moves_by_keys(page: Page, size: str, site: str, axe: Path) -> None:
    sign_in(page, site, "erin")
    inks, papers = f"{size} inks", f"{size} papers"
    _make(page, site, inks, papers)
    handle = page.get_by_role("button", name=f"Move {papers}", exact=True)
    handle.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("New parent")).to_be_focused()
    look(page, axe, "category-dialog")
    page.get_by_label("New parent").select_option(label=inks)
    page.get_by_role("button", name="Move", exact=True).press("Enter")
    expect(page.locator("form.undo")).to_contain_text(f"“{papers}” is below “{inks}” now.")
    expect(handle).to_be_focused()
    look(page, axe, "category-tree")


def test_a_move_that_the_tree_forbids_is_refused_in_place(refused: Page, site: str) -> None:
    sign_in(refused, site, "erin")
    refused.goto(f"{site}/admin/cms/category/")
    _drag(refused, "Letters", _row_of("Found in attics"))
    expect(refused.get_by_role("alert").filter(has_text="A category can't stand below itself.")).to_be_visible()
    assert _depth(refused, "Found in attics") == 1
