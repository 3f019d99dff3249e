"""The index follows the posts: through every service, in bulk, through deletion, and when all of it is written again."""

import datetime
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations import RunPython
from django.db.migrations.loader import MigrationLoader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms.models import Post, SearchDocument
from cms.policy import SYSTEM
from cms.search import index_posts, reindex
from cms.search.documents import document_of
from cms.services.posts import update_post
from tests.slow import slow

type Find = Callable[..., list[str]]
type Make = Callable[..., Post]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"title": "Zebra"}, True),
        ({"content": "A zebra."}, True),
        ({"excerpt": "A zebra."}, True),
        ({"meta_title": "Zebra"}, False),
    ],
)
def test_a_change_is_found_at_once(find: Find, make_post: Make, now: Any, changes: Any, found: bool) -> None:
    post = make_post(title="Lion", content="Old words.")
    update_post(actor=SYSTEM, post=post, changes=changes, now=now)
    assert bool(find("zebra")) == found
    assert find("old") == ([] if "content" in changes else [Post.objects.get().title])


def test_a_change_of_language_changes_what_finds_it(find: Find, make_post: Make, now: datetime.datetime) -> None:
    post = make_post(title="Die Designs", language="de")
    assert find("design") == []
    update_post(actor=SYSTEM, post=post, changes={"language": "en-GB"}, now=now)
    assert find("design") == ["Die Designs"]


def test_a_change_that_is_rolled_back_is_not_found(find: Find, make_post: Make, now: datetime.datetime) -> None:
    post = make_post(title="Lion")
    with transaction.atomic():
        update_post(actor=SYSTEM, post=post, changes={"title": "Zebra"}, now=now)
        transaction.set_rollback(True)
    assert (find("zebra"), find("lion")) == ([], ["Lion"])


def test_a_deleted_post_leaves_nothing_in_the_index(find: Find, make_post: Make) -> None:
    make_post(title="Zebra").delete()
    assert not SearchDocument.objects.exists()
    make_post(title="Lion")  # on SQLite it may get the number of the one that is gone
    assert (find("zebra"), find("lion")) == ([], ["Lion"])


def test_bulk_posts_are_found(find: Find) -> None:
    call_command("seed", "--posts", "30", verbosity=0)
    post = Post.objects.filter(slug__startswith="sample-", status="published", visibility="public").earliest("pk")
    assert SearchDocument.objects.count() == Post.objects.count()
    assert post.title in find(f'"{post.title}"')


def test_everything_can_be_indexed_again(find: Find, make_post: Make) -> None:
    lost, stale = make_post(title="Zebra"), make_post(title="Lion")
    SearchDocument.objects.filter(post=lost).delete()
    Post.objects.filter(pk=stale.pk).update(title="Tiger")
    steps: list[int] = []
    assert reindex(steps.append) == sum(steps) == 2
    assert (find("zebra"), find("tiger"), find("lion")) == (["Zebra"], ["Tiger"], [])


@pytest.mark.parametrize("kind", ["words", slow("characters"), "one word"])
def test_the_longest_contents_are_stored_and_their_beginning_is_found(find: Find, make_post: Make, kind: str) -> None:
    rng = random.Random(1)
    contents = {
        "words": lambda: " ".join(f"{rng.randrange(16**7):x}" for _ in range(124_000)),
        "characters": lambda: "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(990_000)),
        "one word": lambda: "x" * 990_000,
    }
    make_post(title="Long", content="Zebra. " + contents[kind](), content_format="html", language="de")
    assert find("zebra") == ["Long"]


words = st.text(alphabet="0123456789eExXabz .,-_:/@&<>'\"é東ไ", max_size=60)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=words, text=words, language=st.sampled_from(["en", "de"]))
def test_the_vector_holds_the_words_of_the_document_and_no_others(
    only_postgresql: None, title: str, text: str, language: str
) -> None:
    post = Post(title=title, excerpt="", content_html=text.replace("<", ""), language=language)
    document = document_of(post)
    expected = {word for name in ("title", "content") for word in document[name].split()} - {"-"}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tsvector_to_array(to_tsvector('pg_catalog.simple', %s) || to_tsvector('pg_catalog.simple', %s))",
            [document["title"], document["content"]],
        )
        assert set(cursor.fetchone()[0]) == expected


def test_after_all_migrations_the_triggers_of_the_fts_table_are_there(only_sqlite: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'cms_searchdocument'")
        names = {row[0] for row in cursor.fetchall()}
    assert names == {f"cms_searchdocument_{name}" for name in ("added", "removed", "changed")}


def test_the_fts_table_agrees_with_its_documents_after_every_kind_of_change(
    only_sqlite: None, make_post: Make, now: datetime.datetime
) -> None:
    posts = [make_post(title=f"Zebra {number}") for number in range(3)]
    update_post(actor=SYSTEM, post=posts[0], changes={"content": "Other."}, now=now)
    posts[1].delete()
    index_posts([posts[2]])
    with connection.cursor() as cursor:  # raises "database disk image is malformed" when they differ
        cursor.execute("INSERT INTO cms_searchdocument_fts(cms_searchdocument_fts, rank) VALUES ('integrity-check', 1)")
        cursor.execute("SELECT count(*) FROM cms_searchdocument_fts WHERE cms_searchdocument_fts MATCH 'zebra'")
        assert cursor.fetchone() == (2,)


def test_posts_from_before_the_index_are_indexed_by_the_migration_that_makes_it(find: Find, make_post: Make) -> None:
    make_post(title="Zebra")
    SearchDocument.objects.all().delete()
    migrations = MigrationLoader(None).disk_migrations
    [migration] = [m for (app, name), m in migrations.items() if app == "cms" and name.endswith("_search")]
    [step] = [step for step in migration.operations if isinstance(step, RunPython)]
    step.code(apps, None)
    assert find("zebra") == ["Zebra"]
