"""Take the pictures of README.md: `python -m tests.browser.screenshots`, or `make screenshots`.

A server of its own shows the demo content, and a rollout that is about to take its next step.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, CHROMIUM_OPTIONS
from tests.databases import process_env
from tests.servers import ROOT, manage, serve

FOLDER: Final = ROOT / "docs/images"
SIZE: Final = {"width": 1366, "height": 900}
BYTES_MAX: Final = 200_000
POST: Final = "Slugs are addresses"
PREPARATIONS: Final = (
    ("migrate", "--no-seed"),
    ("seed",),
    ("shell", "-v0", "-c", "from tests.canary.pages import worlds; worlds.show('passing')"),
)


def post_editor(page: Page, site: str) -> None:
    sign_in(page, site, "editor")
    page.goto(f"{site}/admin/cms/post/?q=slugs")
    page.get_by_role("link", name=POST).first.click()
    page.locator(".CodeMirror").wait_for()


def rollout_page(page: Page, site: str) -> None:
    sign_in(page, site, "admin")
    page.goto(f"{site}/admin/canary/")


def api_docs(page: Page, site: str) -> None:
    page.goto(f"{site}/api/v2/docs")


PICTURES: Final[dict[str, Callable[[Page, str], None]]] = {
    "post-editor": post_editor,
    "rollout": rollout_page,
    "api-docs": api_docs,
}


def main() -> int:
    if CHROMIUM is None:
        print("Chromium is not installed (Debian/Ubuntu: apt-get install chromium).", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tandem-screenshots-") as name:
        folder = Path(name)
        env = process_env(
            f"sqlite:///{folder / 'demo.sqlite3'}",
            MEDIA_ROOT=str(folder / "media"),
            CANARY_BULKHEAD="0",
            CANARY_SHADOW_PERCENTAGE="0",
        )
        for command in PREPARATIONS:
            done = manage(*command, env=env)
            if done.returncode:
                print(f"{' '.join(command)} failed: {done.stderr}", file=sys.stderr)
                return 1
        with serve(env) as server:
            return take_all(server.base_url)


def take_all(site: str) -> int:
    """Return 1 if a picture is too large."""
    sizes = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        for name, show in PICTURES.items():
            context = browser.new_context(viewport=SIZE, color_scheme="light", locale="en-GB")  # type: ignore[arg-type]
            page = context.new_page()
            show(page, site)
            page.wait_for_load_state("networkidle")
            sizes[name] = keep(name, page.screenshot(animations="disabled", caret="hide"))
            context.close()
        browser.close()
    for name, size in sizes.items():
        print(f"{FOLDER.relative_to(ROOT)}/{name}.png: {size // 1000} kB (at most {BYTES_MAX // 1000})")
    return int(max(sizes.values()) > BYTES_MAX)


def sign_in(page: Page, site: str, name: str) -> None:
    page.goto(f"{site}/admin/")
    page.get_by_label("Username or e-mail address").fill(name)
    page.get_by_label("Password").fill("tandem-demo-2026")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site}/admin/")


def keep(name: str, picture: bytes) -> int:
    """Write the picture with 256 colours, and return its size in bytes."""
    path = FOLDER / f"{name}.png"
    with Image.open(io.BytesIO(picture)) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    return path.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
