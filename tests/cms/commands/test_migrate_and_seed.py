"""`migrate` and `seed` as somebody types them, on both engines."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import execute_from_command_line

from tests.databases import copied_database, new_database, process_env
from tests.servers import manage
from tests.slow import slow

COUNTS = """
import json
from django.utils import timezone
from cms.models import Category, Comment, Post, Tag, User
now = timezone.now()
listed = Post.objects.public(now).posts()
right = lambda terms, field: all(getattr(t, field) == listed.filter(pk__in=t.posts.values("pk")).count() for t in terms)
print(json.dumps({
    "posts": Post.objects.count(), "users": User.objects.count(), "comments": Comment.objects.count(),
    "public": Post.objects.public(now).count(),
    "bulk_public": Post.objects.public(now).filter(slug__startswith="sample-").count(),
    "counts_are_right": right(Tag.objects.all(), "usage_count") and right(Category.objects.all(), "post_count"),
    "usable": [user.has_usable_password() for user in User.objects.filter(username="author")],
    "ids": [str(post.pk) for post in Post.objects.filter(slug__startswith="sample-").order_by("slug")[:3]],
}))
"""


@pytest.fixture(params=["sqlite", slow("postgresql")])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A process's environment on an empty database."""
    with new_database(request.param, tmp_path) as url:
        yield process_env(url)


@pytest.fixture(params=["sqlite", slow("postgresql")])
def migrated(
    request: pytest.FixtureRequest, template_of: Callable[[str], str], tmp_path: Path
) -> Iterator[dict[str, str]]:
    """A process's environment on a database with all tables and no rows."""
    with copied_database(template_of(request.param), tmp_path) as url:
        yield process_env(url)


def run(*arguments: str, env: dict[str, str], stdin: str | None = None) -> str:
    done = manage(*arguments, env=env, input=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def counts(env: dict[str, str]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run("shell", "--verbosity", "0", "-c", COUNTS, env=env).splitlines()[-1])
    return result


def test_migrate_seeds_an_empty_database_and_never_a_full_one(migrated: dict[str, str]) -> None:
    empty = counts(migrated)  # which `migrate --no-seed` has left so
    assert (empty["posts"], empty["users"]) == (0, 0)
    assert "Demo content: 12 users" in run("migrate", env=migrated)
    seeded = counts(migrated)
    assert seeded["posts"] >= 40
    assert seeded["public"] >= 30
    assert seeded["counts_are_right"]
    assert "Demo content" not in run("migrate", env=migrated)
    assert counts(migrated) == seeded


@pytest.mark.slow
def test_a_database_with_a_single_user_counts_as_full(migrated: dict[str, str]) -> None:
    create = (
        "from cms.services.users import register_user; from django.utils import timezone; register_user("
        "fields={'username': 'first', 'email': 'first@example.org'}, password='a long pass-phrase', now=timezone.now())"
    )
    run("shell", "-c", create, env=migrated)
    run("migrate", env=migrated)
    kept = counts(migrated)
    assert (kept["posts"], kept["users"]) == (0, 1)
    refused = manage("seed", env=migrated)
    assert (refused.returncode, "--force" in refused.stderr) == (1, True)
    run("seed", "--force", env=migrated)
    assert counts(migrated)["users"] == 13


@pytest.mark.slow
def test_only_what_was_typed_seeds(env: dict[str, str]) -> None:
    run("migrate", "cms", env=env)
    run("migrate", "--plan", env=env)
    run("shell", "-c", "from django.core.management import call_command; call_command('migrate', verbosity=0)", env=env)
    assert counts(env)["posts"] == 0


@pytest.mark.slow
def test_a_dry_run_prints_the_sql_and_changes_nothing(env: dict[str, str]) -> None:
    printed = run("migrate", "--dry-run", env=env)
    assert 'CREATE TABLE "cms_post"' in printed
    assert "cms_post" in manage("shell", "-c", COUNTS, env=env).stderr  # no such table
    run("migrate", "--no-seed", env=env)
    assert run("migrate", "--dry-run", env=env).strip() == "No migrations to apply."


@pytest.mark.slow
def test_seeding_twice_adds_nothing_and_bulk_posts_come_by_number(migrated: dict[str, str]) -> None:
    run("seed", env=migrated)
    before = counts(migrated)
    run("seed", env=migrated)
    assert counts(migrated) == before
    run("seed", "--posts", "1500", "--users", "20", env=migrated)
    run("seed", "--posts", "2000", env=migrated)
    after = counts(migrated)
    assert (after["posts"], after["users"]) == (before["posts"] + 2000, before["users"] + 20)
    assert after["bulk_public"] == 1800
    assert after["counts_are_right"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_ids(template_of: Callable[[str], str], tmp_path: Path) -> None:
    ids = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        with copied_database(template_of("sqlite"), tmp_path / name) as url:
            run("seed", "--posts", "10", "--rng-seed", "7", env=process_env(url))
            ids.append(counts(process_env(url))["ids"])
    assert ids[0] == ids[1]
    assert ids[0]


@pytest.mark.slow
def test_demo_accounts_have_the_published_password_on_sqlite_only(migrated: dict[str, str]) -> None:
    is_sqlite = migrated["DATABASE_URL"].startswith("sqlite")
    printed = run("migrate", env=migrated)
    assert ("tandem-demo-2026" in printed) == is_sqlite
    assert counts(migrated)["usable"] == [is_sqlite]
    run("seed", "--demo-password-stdin", env=migrated, stdin="another long pass-phrase\n")
    check = (
        "from django.utils import timezone; from cms.services.signing_in import sign_in; now = timezone.now();"
        "name, password = 'editor@example.com', 'another long pass-phrase';"
        "print(sign_in(username_or_email=name, password=password, now=now).role)"
    )
    assert run("shell", "-c", check, env=migrated).splitlines()[-1] == "editor"


@pytest.mark.parametrize("arguments", [["--posts", "many"], ["--posts", "-1"], ["--users", "1.5"], ["--nonsense"]])
def test_wrong_usage_of_seed_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        execute_from_command_line(["manage.py", "seed", *arguments])
    assert ended.value.code == 2
    assert "usage: manage.py seed" in capsys.readouterr().err


@pytest.mark.slow
def test_a_dry_run_makes_no_file_where_there_was_none(tmp_path: Path) -> None:
    run("migrate", "--dry-run", env=process_env(f"sqlite:///{tmp_path / 'absent.sqlite3'}"))
    assert not list(tmp_path.iterdir())
