"""How much memory and time large sites take: imports, exports, seeding. Run by `make soak`."""

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.databases import copied_database, process_env
from tests.servers import ROOT, clean_environment, manage

pytestmark = pytest.mark.soak
MEGABYTE = 1_000_000
# Runs a command of manage.py and tells on its last line how many kilobytes it had at most. Not by ru_maxrss on Linux: there
# it begins with what the process had that has started this one, which is the tests.
MEASURED = """
import resource, runpy, sys
from pathlib import Path
try:
    runpy.run_path("manage.py", run_name="__main__")
finally:
    if sys.platform == "linux":
        print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "db.sqlite3"
    assert manage("migrate", "--no-seed", "-v0", env=_environment(path)).returncode == 0
    return path


def _environment(database: Path) -> dict[str, str]:
    return {"DATABASE_URL": f"sqlite:///{database}", "SECRET_KEY": "x" * 50}


def _peak_mb(database: Path, *args: str) -> float:
    return _peak_mb_with(_environment(database), *args)


def _peak_mb_with(env: dict[str, str], *args: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *args],
        cwd=ROOT,
        env=clean_environment(env),
        capture_output=True,
        text=True,
        timeout=3_000,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    scale = 1 if sys.platform == "darwin" else 1024
    return int(done.stdout.splitlines()[-1]) * scale / MEGABYTE


def _post_count(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM cms_post").fetchone()[0])


def test_a_wordpress_export_of_100_mb_takes_less_than_300_mb(database: Path, tmp_path: Path) -> None:
    path = tmp_path / "export.xml"
    paragraph = "<p>The quick brown fox jumps over the lazy dog, and nobody minds.</p>\n"
    with path.open("w") as target:
        target.write('<rss xmlns:wp="http://wordpress.org/export/1.2/"><channel><wp:base_blog_url>https://x.example'
                     "</wp:base_blog_url>\n")  # fmt: skip
        for number in range(2_000):
            target.write(
                f"<item><title>Post {number}</title><wp:post_id>{number}</wp:post_id><wp:post_type>post</wp:post_type>"
                f"<wp:status>publish</wp:status><wp:post_date_gmt>2015-01-02 03:04:05</wp:post_date_gmt>"
                f"<content:encoded><![CDATA[{paragraph * 720}]]></content:encoded></item>\n"
            )
        target.write("</channel></rss>\n")
    assert path.stat().st_size > 100 * MEGABYTE
    assert _peak_mb(database, "import_content", str(path), "--report", str(tmp_path / "report.json")) < 300
    assert _post_count(database) == 2_000


def test_a_ghost_export_of_100_mb_takes_less_than_300_mb(database: Path, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    html = "<p>Ein Satz mit Umlauten: äöü, und noch einer.</p>" * 1_000
    with path.open("w", encoding="utf-8") as target:
        target.write('{"db": [{"meta": {}, "data": {"posts": [')
        for number in range(2_000):
            post = {"id": str(number), "title": f"Post {number}", "html": html, "status": "published"}
            target.write(("," if number else "") + json.dumps(post, ensure_ascii=False))
        target.write("]}}]}")
    assert path.stat().st_size > 100 * MEGABYTE
    assert _peak_mb(database, "import_content", str(path), "--report", str(tmp_path / "report.json")) < 300
    assert _post_count(database) == 2_000


@pytest.mark.parametrize("format_name", ["json", "markdown"])
def test_an_export_of_100_000_posts_takes_less_than_200_mb(database: Path, tmp_path: Path, format_name: str) -> None:
    assert manage("seed", "--posts", "100000", env=_environment(database), timeout=3_000).returncode == 0
    assert _peak_mb(database, "export_content", str(tmp_path / "out"), "--format", format_name) < 200


def test_seeding_100_000_posts_takes_less_than_ten_minutes_and_500_mb(
    template_of: Callable[[str], str], tmp_path: Path
) -> None:
    """On PostgreSQL. Measured once at 102 s and 147 MB on two cores."""
    with copied_database(template_of("postgresql"), tmp_path) as url:
        began = time.monotonic()
        assert _peak_mb_with(process_env(url), "seed", "--posts", "100000") < 500
        assert time.monotonic() - began < 600
        with psycopg.connect(url) as connection:
            [count] = connection.execute("SELECT count(*) FROM cms_post").fetchone() or [0]
    assert count > 100_000
