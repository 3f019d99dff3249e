from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.admin.terms import CategoryAdmin
from cms.models import AuditEvent, Category, Post, Tag, User


@pytest.fixture
def client(editor: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(editor)


def _make(client: Client, send_form: Callable[..., Any], name: str, **fields: Any) -> Category:
    assert send_form(client, "/admin/cms/category/add/", name=name, is_active="on", **fields).status_code == 302
    return Category.objects.get(name=name)


def test_a_tag_is_made_and_renamed_by_the_services(client: Client, send_form: Callable[..., Any]) -> None:
    send_form(client, "/admin/cms/tag/add/", name="Letters")
    tag = Tag.objects.get()
    assert (tag.slug, tag.name_key) == ("letters", "letters")
    send_form(client, f"/admin/cms/tag/{tag.pk}/change/", name="Old letters")
    tag.refresh_from_db()
    assert (tag.name, tag.name_key, tag.slug) == ("Old letters", "old letters", "letters")
    assert list(AuditEvent.objects.filter(object_id=tag.pk).order_by("pk").values_list("action", flat=True)) == [
        "tag.created",
        "tag.updated",
    ]


@pytest.mark.parametrize(("field", "value"), [("name", "LETTERS"), ("name", "a,b"), ("slug", "letters"), ("slug", "-")])
def test_a_refused_tag_shows_the_error_at_its_field(
    client: Client, send_form: Callable[..., Any], field: str, value: str
) -> None:
    send_form(client, "/admin/cms/tag/add/", name="Letters")
    page = send_form(client, "/admin/cms/tag/add/", **{"name": "Other", field: value})
    assert field in page.context["adminform"].form.errors
    assert Tag.objects.count() == 1


def test_deleting_a_tag_takes_it_from_its_posts(
    client: Client, make_post: Callable[..., Post], run_action: Callable[..., list[str]]
) -> None:
    post = make_post(tags=["one", "two"])
    tag = Tag.objects.get(name="one")
    assert client.post(f"/admin/cms/tag/{tag.pk}/delete/", {"post": "yes"}).status_code == 302
    said = run_action(client, "/admin/cms/tag/", "delete_selected", [Tag.objects.get()])
    assert said[-1] == "1 tag deleted."
    assert not post.tags.exists()
    assert AuditEvent.objects.filter(action="tag.deleted").count() == 2


def test_a_category_can_not_be_moved_below_itself(client: Client, send_form: Callable[..., Any]) -> None:
    above = _make(client, send_form, "Above")
    below = _make(client, send_form, "Below", parent=str(above.pk))
    page = send_form(client, f"/admin/cms/category/{above.pk}/change/", parent=str(below.pk))
    assert "below itself" in str(page.context["adminform"].form.errors["parent"])
    above.refresh_from_db()
    assert above.parent is None


def test_a_category_is_switched_off_by_its_form(client: Client, send_form: Callable[..., Any]) -> None:
    category = _make(client, send_form, "Letters")
    send_form(client, f"/admin/cms/category/{category.pk}/change/", is_active=False)
    category.refresh_from_db()
    assert not category.is_active
    assert AuditEvent.objects.filter(action="category.deactivated").count() == 1


def test_a_category_in_use_is_not_deleted_and_the_page_says_why(
    client: Client, make_post: Callable[..., Post], send_form: Callable[..., Any]
) -> None:
    category = _make(client, send_form, "Letters")
    make_post(categories=[category])
    page = client.post(f"/admin/cms/category/{category.pk}/delete/", {"post": "yes"}, follow=True)
    assert "while posts use it" in page.content.decode()
    assert Category.objects.filter(pk=category.pk).exists()


def test_deleting_many_categories_deletes_those_that_may_go(
    client: Client, make_post: Callable[..., Post], send_form: Callable[..., Any], run_action: Callable[..., list[str]]
) -> None:
    used, free = _make(client, send_form, "Used"), _make(client, send_form, "Free")
    client.get("/admin/")  # shows and so clears the messages of the forms
    make_post(categories=[used])
    said = run_action(client, "/admin/cms/category/", "delete_selected", [used, free])
    assert said[-2:] == ["1 category deleted.", "Used: This category can't be deleted while posts use it."]
    assert list(Category.objects.all()) == [used]


def test_tags_are_merged_into_the_one_that_is_chosen(
    client: Client, make_post: Callable[..., Post], run_action: Callable[..., list[str]]
) -> None:
    post = make_post(tags=["ink", "inks"])
    ink, inks = Tag.objects.order_by("name")
    data = {"action": "merge_selected", "_selected_action": [str(ink.pk), str(inks.pk)]}
    page = client.post("/admin/cms/tag/", data)
    assert [value for value, _ in page.context["choices"]] == [str(ink.pk), str(inks.pk)]
    assert Tag.objects.count() == 2
    said = run_action(client, "/admin/cms/tag/", "merge_selected", [ink, inks], target=str(inks.pk))
    assert said == ["1 tag was merged into “inks”."]
    assert list(post.tags.values_list("name", flat=True)) == ["inks"]
    assert run_action(client, "/admin/cms/tag/", "merge_selected", [inks])[0].startswith("Choose 2 to 50 tags")


def test_categories_are_listed_and_offered_as_a_tree(client: Client, send_form: Callable[..., Any]) -> None:
    letters = _make(client, send_form, "Letters")
    _make(client, send_form, "Attics")
    found = _make(client, send_form, "Found", parent=str(letters.pk))
    _make(client, send_form, "Burnt", parent=str(found.pk))
    page = client.get("/admin/cms/category/")
    rows = [(row.name, row.depth) for row in page.context["cl"].result_list]
    assert rows == [("Attics", 0), ("Letters", 0), ("Found", 1), ("Burnt", 2)]
    by_name = client.get("/admin/cms/category/?o=-1").context["cl"].result_list
    assert [row.name for row in by_name] == ["Letters", "Found", "Burnt", "Attics"]
    form = client.get(f"/admin/cms/category/{found.pk}/change/").context["adminform"].form
    offered = [str(name) for _, name in form.fields["parent"].choices]
    assert offered == ["-", "Attics", "Letters"]  # neither itself nor what stands below it


def test_the_pages_of_a_large_tree_follow_it(
    client: Client, send_form: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CategoryAdmin, "list_per_page", 2)
    above = _make(client, send_form, "Above")
    _make(client, send_form, "Beside")
    _make(client, send_form, "Young", parent=str(above.pk))
    pages = [client.get(f"/admin/cms/category/?p={number}").context["cl"].result_list for number in (1, 2)]
    assert [[(row.name, row.depth) for row in rows] for rows in pages] == [
        [("Above", 0), ("Young", 1)],
        [("Beside", 0)],
    ]


def test_categories_move_under_another_and_never_below_themselves(
    client: Client, send_form: Callable[..., Any], run_action: Callable[..., list[str]]
) -> None:
    letters, attics = _make(client, send_form, "Letters"), _make(client, send_form, "Attics")
    data = {"action": "move_selected", "_selected_action": [str(attics.pk)]}
    page = client.post("/admin/cms/category/", data)
    assert [value for value, _ in page.context["choices"]] == ["top", str(letters.pk)]
    said = run_action(client, "/admin/cms/category/", "move_selected", [attics], target=str(letters.pk))
    assert said == ["1 category moved."]
    attics.refresh_from_db()
    assert attics.parent_id == letters.pk
    [refused] = run_action(client, "/admin/cms/category/", "move_selected", [letters], target=str(attics.pk))
    assert "can't stand below itself" in refused
    run_action(client, "/admin/cms/category/", "move_selected", [attics], target="top")
    attics.refresh_from_db()
    assert attics.parent_id is None


def _move(client: Client, category: Category, parent: Category | None) -> Any:
    return client.post(f"/admin/cms/category/{category.pk}/move/", {"parent": str(parent.pk) if parent else ""})


def test_a_dragged_category_moves_below_another_and_back(client: Client, send_form: Callable[..., Any]) -> None:
    letters, attics = _make(client, send_form, "Letters"), _make(client, send_form, "Attics")
    answer = _move(client, attics, letters)
    assert answer.json() == {"message": "“Attics” is below “Letters” now.", "former": ""}
    answer = _move(client, attics, None)
    assert answer.json() == {"message": "“Attics” is at the top level now.", "former": str(letters.pk)}
    attics.refresh_from_db()
    assert attics.parent_id is None
    assert AuditEvent.objects.filter(action="category.updated", object_id=attics.pk).count() == 2


def test_a_drag_that_the_tree_forbids_answers_with_the_sentence_of_the_service(
    client: Client, send_form: Callable[..., Any]
) -> None:
    above = _make(client, send_form, "Above")
    below = _make(client, send_form, "Below", parent=str(above.pk))
    twin = _make(client, send_form, "Twin")
    answer = _move(client, above, below)
    assert (answer.status_code, "below itself" in answer.json()["message"]) == (422, True)
    below.name = "Twin"
    below.save(update_fields=["name"])
    assert "under the same parent" in _move(client, twin, above).json()["message"]
    for unknown in ("nonsense", str(above.pk)[:-4] + "0000"):
        answer = client.post(f"/admin/cms/category/{twin.pk}/move/", {"parent": unknown})
        assert answer.status_code == 422
        assert "does not exist" in answer.json()["message"]


def test_the_places_for_a_category_are_the_tree_without_its_branch(
    client: Client, send_form: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    letters = _make(client, send_form, "Letters")
    found = _make(client, send_form, "Found", parent=str(letters.pk))
    for number in range(5):
        _make(client, send_form, f"Box {number}", parent=str(found.pk))
    attics = _make(client, send_form, "Attics")
    with django_assert_num_queries(4):  # session, user, category, tree
        told = client.get(f"/admin/cms/category/{found.pk}/places/").json()
    assert [place["id"] for place in told["places"]] == [str(attics.pk), str(letters.pk)]
    assert told["parent"] == str(letters.pk)


def test_only_those_who_manage_terms_move_categories(
    client: Client, send_form: Callable[..., Any], author: User, signed_in: Callable[[User], Client]
) -> None:
    letters, attics = _make(client, send_form, "Letters"), _make(client, send_form, "Attics")
    assert _move(signed_in(author), attics, letters).status_code == 403
    assert signed_in(author).get(f"/admin/cms/category/{attics.pk}/places/").status_code == 403
    assert client.get(f"/admin/cms/category/{attics.pk}/move/").status_code == 405
