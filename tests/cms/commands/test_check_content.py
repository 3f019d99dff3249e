"""`check_content` as somebody types it, on both engines: exit codes, what it prints, and repair."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cms.commands.typed import status_of
from tests.databases import copied_database, new_database, process_env
from tests.servers import manage

DAMAGE = """
from cms.models import Post, Tag
Tag.objects.filter(usage_count__gt=0).update(usage_count=4_000)
Post.objects.filter(slug__startswith="sample-").update(content_html="<p>Other.</p>")
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def env(request: pytest.FixtureRequest, template_of: Callable[[str], str], tmp_path: Path) -> Iterator[dict[str, str]]:
    with copied_database(template_of(request.param), tmp_path) as url:
        yield process_env(url, MEDIA_ROOT=str(tmp_path / "media"))


def check(*arguments: str, env: dict[str, str], code: int = 0) -> dict[str, Any]:
    done = manage("check_content", "--json", *arguments, env=env)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == code
    found: dict[str, Any] = json.loads(done.stdout)
    return {outcome["id"]: outcome for outcome in found["checks"] if outcome["found"]}


@pytest.mark.slow
def test_seeded_content_is_whole_and_damage_is_found_repaired_and_gone(env: dict[str, str]) -> None:
    assert manage("seed", "--posts", "40", env=env).returncode == 0
    assert check("--deep", env=env) == {}
    assert manage("shell", "-c", DAMAGE, env=env).returncode == 0
    assert check(env=env, code=1).keys() == {"tag_counts"}
    found = check("--deep", "--limit", "2", env=env, code=1)
    assert found["derived_texts"]["found"] == 40
    assert len(found["derived_texts"]["findings"]) == 2
    printed = manage("check_content", "--deep", "--repair", env=env)
    assert printed.returncode == 0, printed.stderr
    assert "derived_texts: 40 found, 40 repaired." in printed.stdout
    assert check("--deep", env=env) == {}


def test_a_database_without_tables_is_a_sentence(tmp_path: Path) -> None:
    with new_database("sqlite", tmp_path) as url:
        done = manage("check_content", env=process_env(url))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize("arguments", [["--limit", "many"], ["--limit", "-1"], ["--nonsense"], ["extra"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("check_content", *arguments) == 2
    assert "usage: manage.py check_content" in capsys.readouterr().err
