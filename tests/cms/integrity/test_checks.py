"""Damage that is planted past every service and constraint: found by its name, mended, and gone from the second look."""

import datetime
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from cms.models import AuditEvent, Category, Comment, ImportRecord, Post, Redirect, Tag, User
from cms.policy import SYSTEM
from cms.services.drafts import autosave_post, end_drafts, state_of_draft
from cms.services.merging import newest_revision_number
from cms.services.post_states import publish_post
from cms.services.posts import create_post, update_post
from cms.services.sessions import open_session
from cms.services.tags import delete_tag
from cms.services.users import update_user
from tests.cms.integrity.conftest import Content, Run
from tests.slow import slow_unless

NOWHERE = uuid.UUID("00000000-0000-7000-8000-000000000000")
WARNED = {"last_admin"}  # the content here has no admin

# The check that finds it, the statement, whose id goes into it, the constraints in its way.
DAMAGES: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("tag_counts", "UPDATE cms_tag SET usage_count = 41 WHERE id = %s", "red", ()),
    ("category_counts", "UPDATE cms_category SET post_count = 0 WHERE id = %s", "child", ()),
    ("count_flags", "UPDATE cms_post SET is_counted = false WHERE id = %s", "one", ()),
    ("count_flags", "UPDATE cms_post SET visibility = 'private' WHERE id = %s", "one", ()),
    (
        "category_cycles",
        "UPDATE cms_category SET parent_id = (SELECT id FROM cms_category WHERE name = 'Child') WHERE id = %s",
        "parent",
        (),
    ),
    (
        "category_cycles",
        "UPDATE cms_category SET parent_id = id WHERE id = %s",
        "child",
        ("cms_category.cms_category_not_its_own_parent",),
    ),
    ("tag_keys", "UPDATE cms_tag SET name_key = 'other' WHERE id = %s", "red", ()),
    ("invalid_slugs", "UPDATE cms_tag SET slug = 'Cut' WHERE id = %s", "red", ("cms_tag.cms_tag_slug_valid",)),
    (
        "invalid_slugs",
        "UPDATE cms_category SET slug = 'tree' WHERE id = %s",
        "child",
        ("cms_category.cms_category_slug_valid",),
    ),
    (
        "invalid_slugs",
        "UPDATE cms_post SET slug = 'Not A Slug' WHERE id = %s",
        "one",
        ("cms_post.cms_post_slug_valid",),
    ),
    (
        "post_states",
        "UPDATE cms_post SET published_at = NULL WHERE id = %s",
        "one",
        ("cms_post.cms_post_published_has_instant",),
    ),
    (
        "post_states",
        "UPDATE cms_post SET status_before_trash = 'draft' WHERE id = %s",
        "one",
        ("cms_post.cms_post_trash_remembers_state",),
    ),
    (
        "post_states",
        "UPDATE cms_post SET status = 'trashed' WHERE id = %s",
        "one",
        ("cms_post.cms_post_trash_remembers_state",),
    ),
    ("post_states", "UPDATE cms_post SET status = 'lost' WHERE id = %s", "one", ("cms_post.cms_post_choices_valid",)),
    (
        "post_states",
        "UPDATE cms_post SET visibility = 'odd' WHERE id = %s",
        "one",
        ("cms_post.cms_post_choices_valid",),
    ),
    (
        "post_states",
        "UPDATE cms_post SET expires_at = published_at WHERE id = %s",
        "one",
        ("cms_post.cms_post_expires_after_published",),
    ),
    ("post_versions", "UPDATE cms_post SET version = 1 WHERE id = %s", "one", ()),
    ("derived_texts", "UPDATE cms_post SET content_html = '<p>Other</p>' WHERE id = %s", "one", ()),
    ("derived_texts", "UPDATE cms_post SET reading_time_min = 77, excerpt = 'Other' WHERE id = %s", "two", ()),
    ("search_documents", "DELETE FROM cms_searchdocument WHERE post_id = %s", "two", ()),
    ("search_texts", "UPDATE cms_searchdocument SET content = ' other ' WHERE post_id = %s", "two", ()),
    ("revisions_missing", "DELETE FROM cms_postrevision WHERE post_id = %s", "two", ()),
    ("comment_threads", "UPDATE cms_comment SET depth = 7 WHERE id = %s", "second", ()),
    ("comment_threads", "UPDATE cms_comment SET thread_path = 'elsewhere' WHERE id = %s", "third", ()),
    (
        "comment_threads",
        "UPDATE cms_comment SET parent_id = (SELECT id FROM cms_comment WHERE text = 'there') WHERE id = %s",
        "second",
        (),
    ),
    (
        "comment_threads",
        "UPDATE cms_comment SET depth = 1, parent_id = (SELECT id FROM cms_comment WHERE text = 'third') WHERE id = %s",
        "first",
        (),
    ),
    (
        "comment_states",
        "UPDATE cms_comment SET status = 'odd' WHERE id = %s",
        "first",
        ("cms_comment.cms_comment_status_valid",),
    ),
    ("comment_states", "UPDATE cms_comment SET status = 'deleted' WHERE id = %s", "first", ()),
    (
        "comment_states",
        "UPDATE cms_comment SET status = 'deleted', text = '', author_email = 'guest@example.org' WHERE id = %s",
        "first",
        (),
    ),
    ("user_states", "UPDATE cms_user SET role = 'owner' WHERE id = %s", "author", ("cms_user.cms_user_role_valid",)),
    (
        "user_states",
        "UPDATE cms_user SET deleted_at = created_at WHERE id = %s",
        "author",
        ("cms_user.cms_user_deleted_is_inactive",),
    ),
]


def object_named(content: Content, name: str) -> Any:
    by_name = dict(zip(("first", "second", "third"), content["comments"], strict=True))
    return {**content, **by_name, "author": content["one"].author}[name]


def test_content_made_by_the_services_is_whole(content: Content, check: Run) -> None:
    assert check().keys() == WARNED


def test_an_unsaved_text_that_was_saved_leaves_a_whole_history(content: Content, check: Run, now: Any) -> None:
    """Its number is missing then. Numbering revisions again would change what forms and clients mean by a number."""
    post = content["one"]
    author, newest = post.author, newest_revision_number(post)
    draft = autosave_post(actor=author, post=post, texts={"title": "Unsaved"}, base_revision=newest or 0, now=now)
    assert draft is not None
    update_post(actor=author, post=post, changes={"title": "Saved"}, now=now)
    end_drafts(actor=author, post=post, state=state_of_draft(draft), shown=None)
    numbers = list(post.revisions.order_by("number").values_list("number", flat=True))
    assert numbers == [1, 2, 3, 5]
    check(is_repairing=True)
    assert list(post.revisions.order_by("number").values_list("number", flat=True)) == numbers
    assert check().keys() == WARNED


def is_quick(number: int) -> bool:
    """The first of each check, and all of comments' states, which several columns tell."""
    name = DAMAGES[number][0]
    return name == "comment_states" or name not in {earlier[0] for earlier in DAMAGES[:number]}


@pytest.mark.parametrize(
    ("name", "statement", "victim", "past"),
    [slow_unless(is_quick(n), *d) for n, d in enumerate(DAMAGES)],
    ids=[f"{n}-{d[0]}" for n, d in enumerate(DAMAGES)],
)
def test_planted_damage_is_found_by_name_and_mended(
    content: Content, check: Run, damage: Any, name: str, statement: str, victim: str, past: tuple[str, ...]
) -> None:
    damage(statement, object_named(content, victim).pk, past=past)
    assert name in check(name)
    mended = check(is_repairing=True)
    assert mended[name].left == 0
    assert check().keys() == WARNED


REFERENCES = [
    ("cms_post", "featured_image_id", "one", "dangling_references"),
    ("cms_comment", "author_id", "first", "dangling_references"),
    ("cms_comment", "post_id", "first", "dangling_references"),
    ("cms_category", "parent_id", "child", "dangling_references"),
    ("cms_comment", "parent_id", "second", "comment_threads"),
]


@pytest.mark.parametrize(("table", "column", "victim", "name"), REFERENCES)
def test_a_reference_to_nothing_is_found_and_mended(
    content: Content, check: Run, damage: Any, foreign_key: Any, table: str, column: str, victim: str, name: str
) -> None:
    past = foreign_key(table, column)
    damage(f"UPDATE {table} SET {column} = %s WHERE id = %s", NOWHERE, object_named(content, victim).pk, past=past)
    assert name in check()
    check(is_repairing=True)
    assert check().keys() == WARNED


def test_links_and_rows_of_a_post_that_is_gone_go_too(
    content: Content, check: Run, damage: Any, foreign_key: Any
) -> None:
    tables = ["cms_post_tags", "cms_post_categories", "cms_comment", "cms_postrevision", "cms_redirect"]
    tables += ["cms_searchdocument", "cms_post_co_authors", "cms_post_embedded_media"]
    past = tuple(name for table in tables for name in foreign_key(table, "post_id"))
    Redirect.objects.create(old_path="/old", post=content["one"])
    damage("DELETE FROM cms_post WHERE id = %s", content["one"].pk, past=past)
    found = check()
    assert {"dangling_links", "dangling_references", "tag_counts", "category_counts"} <= found.keys()
    check(is_repairing=True)
    assert check().keys() == WARNED
    assert not Redirect.objects.exists()
    assert list(Comment.objects.all()) == [content["elsewhere"]]
    assert (Tag.objects.get(name="red").usage_count, Tag.objects.get(name="blue").usage_count) == (1, 0)


def test_a_post_without_its_author_is_left_to_a_person(
    content: Content, check: Run, damage: Any, foreign_key: Any
) -> None:
    past = foreign_key("cms_post", "author_id")
    author = content["one"].author_id
    damage("UPDATE cms_post SET author_id = %s WHERE id = %s", NOWHERE, content["one"].pk, past=past)
    outcome = check(is_repairing=True)["dangling_references"]
    assert (outcome.found, outcome.left) == (1, 1)
    assert "refers to user" in outcome.remaining[0].text
    damage("UPDATE cms_post SET author_id = %s WHERE id = %s", author, content["one"].pk)


def test_many_kinds_of_damage_at_once_are_all_mended(content: Content, check: Run, damage: Any) -> None:
    for _, statement, victim, past in [DAMAGES[n] for n in (0, 1, 2, 4, 6, 9, 17, 19, 23, 25, 28)]:
        damage(statement, object_named(content, victim).pk, past=past)
    assert len(check()) >= 10
    check(is_repairing=True)
    assert check().keys() == WARNED


STATE_DAMAGES = [d for d in DAMAGES if d[0] == "post_states"]


@pytest.mark.parametrize(
    ("name", "statement", "victim", "past"), STATE_DAMAGES, ids=map(str, range(len(STATE_DAMAGES)))
)
def test_what_was_hidden_stays_hidden_when_it_is_mended(
    content: Content, check: Run, damage: Any, name: str, statement: str, victim: str, past: tuple[str, ...]
) -> None:
    post = object_named(content, victim)
    damage(statement, post.pk, past=past)
    was_public = Post.objects.public(timezone.now()).filter(pk=post.pk).exists()
    check(is_repairing=True)
    assert was_public == Post.objects.public(timezone.now()).filter(pk=post.pk).exists()


def test_a_mended_post_has_a_new_version_and_an_event(content: Content, check: Run, damage: Any) -> None:
    damage("UPDATE cms_post SET content_html = 'x' WHERE id = %s", content["one"].pk)
    check(is_repairing=True)
    post = Post.objects.get(pk=content["one"].pk)
    assert (post.content_html, post.version) == (content["one"].content_html, content["one"].version + 1)
    event = AuditEvent.objects.filter(object_id=post.pk).latest("pk")
    assert (event.action, event.after["repaired"]) == ("post.updated", "derived_texts")


@pytest.mark.parametrize(
    ("name", "victim", "action"),
    [
        ("invalid_slugs", "red", "tag.updated"),
        ("invalid_slugs", "child", "category.updated"),
        ("comment_states", "first", "comment.updated"),
        ("user_states", "author", "user.role_changed"),
    ],
)
def test_what_is_mended_in_other_objects_has_an_event_too(
    content: Content, check: Run, damage: Any, name: str, victim: str, action: str
) -> None:
    _, statement, _, past = next(d for d in DAMAGES if (d[0], d[2]) == (name, victim))
    mended = object_named(content, victim)
    damage(statement, mended.pk, past=past)
    check(is_repairing=True)
    event = AuditEvent.objects.filter(object_id=mended.pk).latest("pk")
    assert (event.action, event.after["repaired"], event.actor) == (action, name, None)


def test_a_post_whose_slug_is_mended_is_found_under_its_old_address(content: Content, check: Run, damage: Any) -> None:
    _, statement, _, past = next(d for d in DAMAGES if d[1].startswith("UPDATE cms_post SET slug"))
    damage(statement, content["one"].pk, past=past)
    check(is_repairing=True)
    assert Post.objects.get(pk=content["one"].pk).slug == "one-at-last"
    assert Redirect.objects.get(old_path="/posts/Not A Slug").post_id == content["one"].pk


def test_a_redirect_from_the_own_address_of_its_post_is_dropped_and_others_stay(content: Content, check: Run) -> None:
    Redirect.objects.create(
        old_path=f"/posts/{content['one'].slug}", post=content["two"]
    )  # until a public post is there
    Redirect.objects.create(old_path=f"/posts/{content['two'].slug}", post=content["two"])
    assert check(is_repairing=True)["redirect_shadows"].found == 1
    assert [row.old_path for row in Redirect.objects.all()] == [f"/posts/{content['one'].slug}"]


def test_import_records_of_lost_objects_go_and_those_of_deleted_ones_stay(content: Content, check: Run) -> None:
    values: Any = {"source": "s", "digest": "d", "object_type": "tag"}
    ImportRecord.objects.create(**values, external_id="1", object_id=content["blue"].pk)
    lost = ImportRecord.objects.create(**values, external_id="2", object_id=NOWHERE)
    delete_tag(actor=SYSTEM, tag=content["blue"])
    assert [finding.object_id for finding in check()["import_records"].findings] == [lost.pk]
    check(is_repairing=True)
    assert ImportRecord.objects.get().external_id == "1"


def test_what_the_scheduler_has_its_minute_for_is_no_finding(make_post: Callable[..., Post], check: Run) -> None:
    now = timezone.now()
    soon = now + datetime.timedelta(seconds=30)
    make_post(title="Soon", published_at=soon)
    assert "count_flags" not in check(later_s=60)
    assert "count_flags" in check(later_s=120)


def test_credentials_of_a_suspended_user_are_closed(content: Content, check: Run, make_user: Any, damage: Any) -> None:
    user = make_user()
    open_session(user=user, now=timezone.now())
    damage("UPDATE cms_user SET is_active = false WHERE id = %s", user.pk)
    assert check(is_repairing=True)["open_credentials"].left == 0
    assert not user.auth_sessions.filter(revoked_at=None).exists()


def test_without_an_active_admin_there_is_a_warning(content: Content, check: Run, make_user: Any) -> None:
    assert check()["last_admin"].check.is_warning
    make_user("admin")
    assert check() == {}


def test_findings_are_all_counted_and_shown_up_to_the_limit(author: User, check: Run) -> None:
    now = timezone.now()
    for number in range(7):
        post = create_post(actor=SYSTEM, fields={"title": f"{number}", "content": "x"}, now=now, author=author)
        publish_post(actor=SYSTEM, post=post, now=now)
    Post.objects.update(is_counted=False)
    outcome = check(limit=3)["count_flags"]
    assert (outcome.found, len(outcome.findings)) == (7, 3)
    assert check(is_repairing=True, limit=3)["count_flags"].left == 0


def test_a_cycle_is_cut_where_the_name_is_free_at_the_top(content: Content, check: Run, now: Any) -> None:
    Category.objects.filter(name="Parent").update(parent=content["child"])
    Category.objects.create(name="Parent", slug="another-parent")
    check(is_repairing=True)
    content["child"].refresh_from_db()
    assert content["child"].parent is None
    assert Category.objects.get(slug="parent").parent_id == content["child"].pk


def test_a_thread_too_deep_is_made_flat_at_its_end(content: Content, check: Run) -> None:
    comments = content["comments"]
    for number in range(10):
        last = comments[-1]
        fields: Any = {"text": str(number), "author": last.author, "post": last.post, "parent": last}
        comments.append(Comment.objects.create(**fields, depth=min(10, last.depth + 1), thread_path=str(number)))
    check(is_repairing=True)
    placed = list(Comment.objects.filter(post=content["one"]).order_by("pk").values_list("depth", flat=True))
    assert placed == [*range(11), 10, 10]
    assert check().keys() == WARNED


def test_a_suspended_last_admin_is_the_warning_of_a_site_that_nobody_can_run(make_user: Any, check: Run) -> None:
    admin = make_user("admin")
    make_user("admin", username="second")
    update_user(actor=SYSTEM, user=admin, changes={"is_active": False}, now=timezone.now())
    assert check() == {}
    User.objects.filter(username="second").update(is_active=False)
    assert check().keys() == WARNED
