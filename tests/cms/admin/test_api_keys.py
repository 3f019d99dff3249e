import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms import limits
from cms.admin.scopes import SENTENCES
from cms.choices import Scope
from cms.errors import InvalidApiKey
from cms.models import ApiKey, User
from cms.services.api_keys import create_api_key, find_api_key

ADD, LIST = "/admin/cms/apikey/add/", "/admin/cms/apikey/"
RAW_KEY = re.compile(r"tdm_[a-z2-7]{16}_[a-z2-7]{40}")


@pytest.fixture
def client(author: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(author)


@pytest.fixture
def issue() -> Callable[[User], tuple[ApiKey, str]]:
    def make(owner: User) -> tuple[ApiKey, str]:
        fields: Any = {"name": f"Key of {owner}", "scopes": ["posts:read"]}
        issued = create_api_key(actor=owner, owner=owner, fields=fields, now=timezone.now())
        return issued.api_key, issued.raw_key

    return make


def _change(api_key: ApiKey) -> str:
    return f"/admin/cms/apikey/{api_key.pk}/change/"


def test_a_new_key_is_shown_once_and_works(client: Client, author: User, send_form: Callable[..., Any]) -> None:
    page = send_form(client, ADD, button="_save", name="Robot", scopes=["posts:read", "media:write"])
    shown = RAW_KEY.findall(page.content.decode())
    assert len(shown) == 1
    assert "no-store" in page.headers["Cache-Control"]
    api_key = find_api_key(raw_key=shown[0], now=timezone.now())
    assert (api_key.owner, api_key.name, api_key.scopes) == (author, "Robot", ["posts:read", "media:write"])
    for address in (LIST, _change(api_key), "/admin/"):
        page = client.get(address).content.decode()
        assert not RAW_KEY.search(page)
        assert api_key.digest not in page
    assert not RAW_KEY.search(str(client.cookies))


def test_only_scopes_that_one_has_are_offered_and_taken(client: Client, send_form: Callable[..., Any]) -> None:
    form = client.get(ADD).context["adminform"].form
    assert {value for value, _ in form.fields["scopes"].choices} == {
        *("posts:read", "posts:write", "comments:write", "media:write")
    }
    assert "owner" not in form.fields
    page = send_form(client, ADD, name="Robot", scopes=["users:write"])
    assert "scopes" in page.context["adminform"].form.errors
    page = send_form(client, ADD, name="Robot", scopes=[])
    assert "scopes" in page.context["adminform"].form.errors
    assert not ApiKey.objects.exists()


def test_an_admin_makes_a_key_for_another_within_that_ones_role(
    admin: User, author: User, signed_in: Callable[[User], Client], send_form: Callable[..., Any]
) -> None:
    client = signed_in(admin)
    page = send_form(client, ADD, name="Robot", owner=str(author.pk), scopes=["users:read"])
    assert "users:read" in str(page.context["adminform"].form.errors["scopes"])
    send_form(client, ADD, name="Robot", owner=str(author.pk), scopes=["posts:write"])
    send_form(client, ADD, name="Mine", scopes=["users:read"])
    assert dict(ApiKey.objects.values_list("name", "owner__username")) == {"Robot": author.username, "Mine": "chief"}


def test_an_owner_sent_by_hand_is_not_believed(client: Client, author: User, editor: User) -> None:
    client.post(ADD, {"name": "Robot", "scopes": ["posts:read"], "owner": str(editor.pk), "_save": "1"})
    assert ApiKey.objects.get().owner == author


def test_everybody_sees_own_keys_and_admins_all(
    client: Client, author: User, editor: User, admin: User, signed_in: Any, issue: Any
) -> None:
    (_, _), (other, _) = issue(author), issue(editor)
    assert [key.owner for key in client.get(LIST).context["cl"].result_list] == [author]
    assert str(other) not in client.get(_change(other), follow=True).content.decode()
    assert signed_in(admin).get(LIST).context["cl"].result_count == 2


def test_a_key_is_revoked_by_its_button_and_by_the_list(
    client: Client, author: User, issue: Any, run_action: Callable[..., list[str]]
) -> None:
    (first, first_raw), (second, second_raw) = issue(author), issue(author)
    assert b"/revoke/" in client.get(_change(first)).content
    client.post(f"/admin/cms/apikey/{first.pk}/revoke/", {"_form_submitted": "True"})
    run_action(client, LIST, "revoke_selected", [second])
    for raw_key in (first_raw, second_raw):
        with pytest.raises(InvalidApiKey):
            find_api_key(raw_key=raw_key, now=timezone.now())
    assert b"/revoke/" not in client.get(_change(first)).content


def test_the_key_of_another_is_not_revoked(client: Client, editor: User, issue: Any) -> None:
    api_key, _ = issue(editor)
    client.post(f"/admin/cms/apikey/{api_key.pk}/revoke/", {"_form_submitted": "True"})
    api_key.refresh_from_db()
    assert api_key.is_active


def test_keys_are_neither_changed_nor_deleted_nor_searched_by_digest(client: Client, author: User, issue: Any) -> None:
    api_key, _ = issue(author)
    assert client.post(_change(api_key), {"name": "Other"}).status_code == 403
    assert client.post(f"/admin/cms/apikey/{api_key.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{LIST}?digest__startswith={api_key.digest[:3]}").status_code != 200
    api_key.refresh_from_db()
    assert api_key.name != "Other"


def test_one_key_too_many_is_said_in_the_form(
    client: Client, author: User, issue: Any, send_form: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIVE_KEYS_MAX", 1)
    issue(author)
    page = send_form(client, ADD, name="Robot", scopes=["posts:read"])
    assert "at most 1 live API keys" in page.content.decode()
    assert ApiKey.objects.count() == 1


def test_a_preset_stands_for_its_scopes(client: Client, send_form: Callable[..., Any]) -> None:
    presets = dict(client.get(ADD).context["adminform"].form.fields["preset"].choices)
    assert set(presets) == {"", "read", "comments", "write"}
    send_form(client, ADD, name="Robot", preset="write")
    send_form(client, ADD, name="Reader", preset="write", scopes=["posts:read"])
    assert dict(ApiKey.objects.values_list("name", "scopes")) == {
        "Robot": ["posts:read", "posts:write", "media:write"],
        "Reader": ["posts:read"],
    }
    send_form(client, ADD, name="Admin's", preset="accounts")
    assert ApiKey.objects.count() == 2


def test_every_scope_is_explained_in_a_sentence(client: Client, author: User, issue: Any) -> None:
    assert set(SENTENCES) == set(Scope)
    page = client.get(_change(issue(author)[0])).content.decode()
    assert str(SENTENCES[Scope.POSTS_READ]) in page
