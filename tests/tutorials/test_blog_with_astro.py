"""The blog of `blog-with-astro.md`: its page shows its files, and the files do what the page says."""

import base64
import hashlib
import hmac
import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest

from tests.cms.media.pictures import encode, picture
from tests.servers import HOST, ROOT, STOP_TIMEOUT_S, clean_environment, free_port, spawn
from tests.tutorials.checkouts import Checkout, running_checkout
from tests.tutorials.sessions import Step, steps_of

PAGE: Final = ROOT / "docs/tutorials/blog-with-astro.md"
FOLDER: Final = "docs/tutorials/astro-blog"
QUIET: Final = {"ASTRO_TELEMETRY_DISABLED": "1"}
APPEARS_WITHIN_S: Final = 120
BUILT: Final = "[build] Complete!"
LINK: Final = re.compile(r"\((astro-blog/[^)]+)\)")
PASSWORD: Final = "tandem-demo-2026"
_SHOWN = re.compile(r"^```(?!sh\b)\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Blog(NamedTuple):
    """The running demo, the blog of the page beside it, and what the demo's editor does meanwhile."""

    checkout: Checkout
    log: Path
    editor: httpx.Client
    left: list[Step]
    """The steps of the page after the blog's start."""

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.checkout.ports[4321]}"

    @property
    def files(self) -> Path:
        return self.checkout.folder.parent / "blog/dist/client"

    @property
    def builds(self) -> int:
        return self.log.read_text().count(BUILT)

    def ask(self, path: str, **params: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", params=params, timeout=30)

    def wait_for(self, path: str) -> str:
        """Return the text of a page as soon as it is there."""
        deadline = time.monotonic() + APPEARS_WITHIN_S
        while time.monotonic() < deadline:
            try:
                response = self.ask(path)
            except httpx.TransportError:  # between two servers of the blog, or before the first one
                response = None
            if response is not None and response.status_code == 200:
                return response.text
            time.sleep(0.1)
        pytest.fail(f"{path} did not appear within {APPEARS_WITHIN_S} s:\n{self.log.read_text()}")

    def call(self, path: str, **sent: Any) -> Any:
        return self.editor.post(path, **sent).raise_for_status().json()


def steps_of_the_page() -> tuple[Step, list[Step], list[Step]]:
    """Return the start of the demo, the steps before the blog's start, and the steps after it."""
    start, *steps = steps_of(PAGE)
    steps = [step for step in steps if step.script != "npm run dev\n"]
    [at] = [number for number, step in enumerate(steps) if step.script == "npm start\n"]
    return start, steps[:at], steps[at + 1 :]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The demo, started with the settings of the page."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail("node and npm are required (REQUIRE_SERVICES=1) and not on PATH")
        pytest.skip("node and npm are not on PATH (REQUIRE_SERVICES=1 makes that a failure)")
    ports = {named: free_port() for named in (8000, 4321, 4322)}
    start, _, _ = steps_of_the_page()
    *settings, make, run = shlex.split(Checkout(ROOT, ports).with_free_ports(start.script.replace("\\\n", "")))
    assert (make, run) == ("make", "run")
    env = dict(setting.split("=", 1) for setting in settings)
    with running_checkout(tmp_path_factory.mktemp("astro") / "tandem", ports, env) as checkout:
        yield checkout


@pytest.fixture(scope="module")
def editor(demo: Checkout) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{HOST}:{demo.port}/api/v2/", timeout=30) as client:
        login = {"email": "editor@example.com", "password": PASSWORD}
        token = client.post("auth/token", json=login).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture(scope="module")
def blog(demo: Checkout, editor: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blog]:
    folder, log = demo.folder.parent / "blog", tmp_path_factory.mktemp("blog") / "log"
    _, before, after = steps_of_the_page()
    for step in before:
        demo.follow(step, cwd=None if step.script.startswith("cp ") else folder)
    env = {**QUIET, "BLOG_PORT": str(demo.ports[4321]), "WEBHOOK_PORT": str(demo.ports[4322])}
    process = spawn(["npm", "start"], log=log, cwd=folder, env=clean_environment(env))
    try:
        blog = Blog(demo, log, editor, after)
        blog.wait_for("/")
        yield blog
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_TIMEOUT_S)


def make_draft(blog: Blog, title: str, *, tag: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a draft with a picture, as the editor saves it, and the picture."""
    sent = ("harbour.jpg", encode(picture((1000, 600)), "JPEG"), "image/jpeg")
    media = blog.call("media", files={"file": sent}, data={"alt_text": "The harbour & its cranes"})
    shown = f"Hello, *reader*.\n\n![A crane]({media['links']['content']})"
    draft = {"title": title, "content": shown, "featured_image": media["id"], "tags": [tag]}
    return blog.call("posts", json=draft), media


def test_the_page_shows_the_files_as_they_are() -> None:
    text = PAGE.read_text()
    shown = list(_SHOWN.finditer(text))
    assert len(shown) >= 6
    for block in shown:
        named = LINK.findall(text, 0, block.start())[-1]
        assert block[1] in (PAGE.parent / named).read_text(), f"{named} has no such lines:\n{block[1]}"


def test_the_packages_are_pinned_and_name_no_registry() -> None:
    package, lock = ((ROOT / FOLDER / name).read_text() for name in ("package.json", "package-lock.json"))
    assert re.findall(r'"(?:astro|@astrojs/node|unifont)": "([^"]+)"', package) == ["9.5.5", "5.18.1", "0.7.4"]
    assert "://" not in re.sub(r'"(?:url|homepage)": "[^"]*"', "", lock)


def test_the_blog_shows_published_posts_and_no_drafts(blog: Blog) -> None:
    draft, _ = make_draft(blog, "A draft that stays one", tag="unseen")
    [post] = httpx.get(f"{blog.editor.base_url}posts", params={"limit": "1", "sort": "published_at"}).json()["data"]
    page = (blog.files / "posts" / post["slug"] / "index.html").read_text()
    assert post["content_html"].splitlines()[0] in page
    assert not (blog.files / "posts" / draft["slug"]).exists()
    assert blog.ask(f"/posts/{draft['slug']}/").status_code == 404
    assert blog.ask("/tags/unseen/").status_code == 404
    assert "<script" not in "".join(path.read_text() for path in blog.files.rglob("index.html"))


def test_a_preview_link_shows_a_draft_with_its_pictures_and_to_no_cache(blog: Blog) -> None:
    draft, media = make_draft(blog, "A draft to look at", tag="looked at")
    token = blog.call(f"posts/{draft['id']}/actions/preview", json={})["url"].rpartition("/")[2]
    response = blog.ask("/preview", token=token)
    assert response.status_code == 200
    assert "A draft to look at" in response.text
    assert "<em>reader</em>" in response.text
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    pictures = re.findall(r'<img src="([^"]+)"', response.text)
    assert len(pictures) == 2
    for address in pictures:
        assert media["id"] in address
        assert httpx.get(address).headers["Content-Type"] == "image/jpeg"
    assert blog.ask("/preview", token=f"{token}x").status_code == 404
    assert blog.ask("/preview").status_code == 404


def forged(blog: Blog, **changes: str) -> int:
    """The status for a request that is signed as Tandem does it, with the page's secret, except for the changes."""
    secret = re.findall(r"^WEBHOOK_SECRET=whsec_(.+)$", (blog.files.parents[1] / ".env").read_text(), re.MULTILINE)[-1]
    moment, key = changes.get("moment", str(int(time.time()))), changes.get("key", secret)
    digest = hmac.digest(base64.b64decode(key), f"evt.{moment}.{{}}".encode(), hashlib.sha256)
    signature = changes.get("signature", f"v1,{base64.b64encode(digest).decode()}")
    headers = {"webhook-id": "evt", "webhook-timestamp": moment, "webhook-signature": signature}
    receiver = f"http://{HOST}:{blog.checkout.ports[4322]}/"
    return httpx.post(receiver, content=changes.get("body", "{}"), headers=headers).status_code


def test_a_published_post_appears_by_a_webhook_and_a_forged_one_builds_nothing(blog: Blog) -> None:
    draft, media = make_draft(blog, "Hello from Astro", tag="front ends")
    refused, shown = blog.left
    builds = blog.builds
    blog.checkout.follow(refused)
    hour_ago = str(int(time.time()) - 3600)
    other_key = base64.b64encode(b"x" * 32).decode()
    for change in ({"key": other_key}, {"moment": hour_ago}, {"moment": "soon"}, {"body": "{ }"}, {"signature": "v1,"}):
        assert forged(blog, **change) == 401, change
    blog.call(f"posts/{draft['id']}/actions/publish", json={})
    page = blog.wait_for(f"/posts/{draft['slug']}/")
    blog.checkout.follow(shown)
    assert blog.builds == builds + 1
    assert 'alt="The harbour &#38; its cranes"' in page
    assert 'alt="A crane"' in page
    width = f"http://{HOST}:{blog.checkout.port}{media['links']['renditions']['width-640']}"
    assert page.count(f"{width} 640w") == 2
    assert httpx.get(width).headers["Content-Type"] == "image/webp"
    home, tag = ((blog.files / name / "index.html").read_text() for name in (".", "tags/front-ends"))
    assert re.findall(r'<h2[^>]*><a href="([^"]+)"', home)[0] == f"/posts/{draft['slug']}/"
    assert "Hello from Astro" in tag
