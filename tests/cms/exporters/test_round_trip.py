"""What is exported, imported into an empty database, and exported again is the same to the byte."""

import contextlib
import datetime
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms.choices import CommentStatus
from cms.errors import CmsError
from cms.models import AuditEvent, Category, Comment, Post, Tag, User
from cms.policy import SYSTEM
from cms.seeding.demo import seed_demo
from cms.services.categories import create_category
from cms.services.comments import create_comment, delete_comment, moderate_comment
from cms.services.post_states import archive_post, publish_post, restore_post, trash_post
from cms.services.posts import create_post, update_post
from cms.services.tags import create_tag
from cms.services.users import create_user
from tests.cms.exporters.conftest import bytes_of, export_to
from tests.cms.importers.conftest import NOW, import_into_database
from tests.slow import slow

pytestmark = pytest.mark.django_db
LATER = NOW + datetime.timedelta(days=400)


@pytest.fixture(scope="module")
def full_site(
    corpora: Path, tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> dict[str, Path]:
    """The exports of a site that holds the demo content and both corpora, and the site itself gone again."""
    folder = tmp_path_factory.mktemp("exports")
    with django_db_blocker.unblock(), transaction.atomic():
        seed_demo(password=None, now=NOW)
        import_into_database(corpora / "wordpress-theme-test-data", now=NOW)
        import_into_database(corpora / "18f-blog/content/posts", now=NOW)
        exports = {name: export_to(folder / name, name) for name in ("json", "markdown")}
        transaction.set_rollback(True)
    return exports


@pytest.mark.soak
def test_a_full_site_comes_back_to_the_byte(full_site: dict[str, Path], tmp_path: Path) -> None:
    report = import_into_database(full_site["markdown"], now=LATER, trusts_roles=True)
    assert report["items"] == []
    assert (report["counts"]["failed"], report["counts"]["skipped"]) == (0, 0)
    assert Post.objects.count() > 500 + 79 + 40
    for name, first in full_site.items():
        assert bytes_of(export_to(tmp_path / name, name)) == bytes_of(first)


@pytest.mark.parametrize("format_name", ["json", slow("markdown")])
def test_a_site_comes_back_once_and_a_second_import_changes_nothing(
    export: Callable[..., Path], format_name: str
) -> None:
    with transaction.atomic():
        seed_demo(password=None, now=NOW)
        first = export(format_name, "first")
        transaction.set_rollback(True)
    created = import_into_database(first, now=LATER, trusts_roles=True)["counts"]["created"]
    events = AuditEvent.objects.count()
    assert import_into_database(first, now=LATER, trusts_roles=True)["counts"]["unchanged"] == created
    assert (AuditEvent.objects.count(), bytes_of(export(format_name, "second"))) == (events, bytes_of(first))


def test_an_excerpt_that_was_derived_follows_the_content_when_it_came_back(
    export: Callable[..., Path], make_post: Callable[..., Post]
) -> None:
    with transaction.atomic():
        make_post(content="Lions sleep.")
        first = export("json")
        transaction.set_rollback(True)
    import_into_database(first, now=LATER, trusts_roles=True)
    post = update_post(actor=SYSTEM, post=Post.objects.get(), changes={"content": "Zebras run."}, now=LATER)
    assert post.excerpt == "Zebras run."


@pytest.mark.slow
def test_an_export_that_comes_home_finds_its_own_objects_and_leaves_them_alone(export: Callable[..., Path]) -> None:
    seed_demo(password=None, now=NOW)
    first = export("json", "first")
    counts = import_into_database(first, now=LATER, trusts_roles=True)["counts"]
    assert (counts["created"], counts["updated"], counts["failed"]) == (0, 0, 0)
    assert bytes_of(export("json", "second")) == bytes_of(first)


# Whatever the domain allows: any characters but those that no database stores, names that look like other types.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30)
VISIBLE = (
    TEXT | st.sampled_from(["null", "1.10", "yes", "---", "...", " a: 'b' ", "\u200b", "a\r\nb\x85c\u2028d"])
).filter(str.strip)
INSTANTS = st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(2099, 1, 1), timezones=st.just(datetime.UTC))


@st.composite
def sites(draw: st.DrawFn) -> dict[str, Any]:
    posts = st.fixed_dictionaries(
        {
            "fields": st.fixed_dictionaries(
                {"title": VISIBLE, "content": VISIBLE, "created_at": INSTANTS},
                optional={
                    "excerpt": TEXT,
                    "meta_title": TEXT,
                    "meta_description": TEXT,
                    "kind": st.sampled_from(["post", "page"]),
                    "visibility": st.sampled_from(["public", "private"]),
                    "content_format": st.sampled_from(["markdown", "html"]),
                    "language": st.sampled_from(["de", "pt-BR", "null", "no"]),
                },
            ),
            "published_at": st.none() | INSTANTS,
            "ways": st.lists(st.sampled_from(["archive", "trash", "restore", "rename"]), max_size=4),
            "comments": st.lists(
                st.tuples(VISIBLE, st.sampled_from(CommentStatus.values), st.integers(-1, 5), INSTANTS), max_size=5
            ),
        }
    )
    return {"names": draw(st.lists(VISIBLE, max_size=3)), "posts": draw(st.lists(posts, min_size=1, max_size=3))}


def _build(site: dict[str, Any]) -> None:
    users = [
        create_user(
            actor=SYSTEM,
            fields={"username": name, "email": f"{name}@example.org", "role": "author"},
            password=None,
            now=NOW,
        )
        for name in ("_mia_", "admin")
    ]
    parent = None
    for number, name in enumerate(site["names"]):
        with contextlib.suppress(CmsError):
            create_tag(actor=SYSTEM, fields={"name": name.strip()[:50], "description": name}, now=NOW)
        with contextlib.suppress(CmsError):
            fields: Any = {"name": name, "parent": parent, "is_active": number != 1}
            parent = create_category(actor=SYSTEM, fields=fields, now=NOW)
    for values in site["posts"]:
        _build_post(values, users)


def _build_post(values: dict[str, Any], users: list[User]) -> None:
    relations = {
        "tags": [tag.name for tag in Tag.objects.all()],
        "categories": list(Category.objects.all()),
        "co_authors": users,
    }
    post = create_post(actor=SYSTEM, fields={**values["fields"], **relations}, now=NOW, author=users[0])
    if values["published_at"]:
        post = publish_post(actor=SYSTEM, post=post, now=NOW, published_at=values["published_at"])
    for way in values["ways"]:
        with contextlib.suppress(CmsError):
            post = _go(post, way)
    comments: list[Comment | None] = [None]
    for text, _, parent, created_at in values["comments"]:
        fields: Any = {
            "text": text,
            "author_name": text,
            "created_at": created_at,
            "parent": comments[min(parent, len(comments) - 1)],
        }
        comment = create_comment(actor=SYSTEM, post=post, fields={**fields, "status": "published"}, now=NOW)
        comments.append(comment)
    for written, (_, status, *_) in zip(comments[1:], values["comments"], strict=True):
        if status == CommentStatus.DELETED:
            delete_comment(actor=SYSTEM, comment=written, now=LATER)
        elif status != CommentStatus.PUBLISHED:
            moderate_comment(actor=SYSTEM, comment=written, status=status, now=LATER)


def _go(post: Post, way: str) -> Post:
    if way == "rename":
        return update_post(
            actor=SYSTEM, post=post, changes={"slug": f"renamed-{post.version}-{post.slug}"[:190]}, now=LATER
        )
    return {"archive": archive_post, "trash": trash_post, "restore": restore_post}[way](
        actor=SYSTEM, post=post, now=LATER
    )


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[*HealthCheck])
@given(site=sites(), format_name=st.sampled_from(["json", "markdown"]))
def test_any_site_comes_back_to_the_byte(site: dict[str, Any], format_name: str) -> None:
    with tempfile.TemporaryDirectory() as name, transaction.atomic():
        with transaction.atomic():
            _build(site)
            first = export_to(Path(name, "first"), format_name)
            transaction.set_rollback(True)
        report = import_into_database(first, now=LATER, trusts_roles=True)
        assert report["items"] == []
        assert bytes_of(export_to(Path(name, "second"), format_name)) == bytes_of(first)
        transaction.set_rollback(True)
