"""The links between users and identities at the provider: who makes and removes them."""

import datetime
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from cms.errors import PermissionRefused
from cms.models import AuditEvent, LinkedIdentity, User
from cms.policy import SYSTEM
from cms.services.single_sign_on.identities import link_subject, unlink_identities
from cms.services.user_deletion import delete_user
from tests.cms.admin.single_sign_on.signing_in import (
    enter,
    refusal,
)
from tests.oidc_provider import Provider

SUBMITTED = {"_form_submitted": "True"}


def test_deleting_a_user_deletes_the_link(
    provider: Provider, mia: User, client: Client, now: datetime.datetime
) -> None:
    enter(client)
    delete_user(actor=SYSTEM, user=mia, now=now)
    assert not LinkedIdentity.objects.exists()
    assert "mia-1" not in str([*AuditEvent.objects.values_list("before", "after")])


def test_an_admin_unlinks_a_user_whose_next_sign_in_links_again(
    provider: Provider, mia: User, make_user: Callable[..., User], signed_in: Callable[[User], Client], client: Client
) -> None:
    admin, page = signed_in(make_user("admin", username="chief")), f"/admin/cms/user/{mia.pk}/change/"

    def titles() -> list[str]:
        return [action["title"] for action in admin.get(page).context["actions_detail"]]

    assert "Unlink single sign-on" not in titles()
    enter(client)
    assert "Unlink single sign-on" in titles()
    admin.post(f"/admin/cms/user/{mia.pk}/unlink-single-sign-on/", SUBMITTED)
    assert "Unlink single sign-on" not in titles()
    assert client.get("/admin/").status_code == 302  # sessions end
    provider.claims["sub"] = "mia-2"
    assert enter(client).status_code == 302
    assert LinkedIdentity.objects.get().subject == "mia-2"


def test_others_link_and_unlink_nobody(
    provider: Provider, mia: User, make_user: Callable[..., User], client: Client
) -> None:
    enter(client)
    editor = make_user("editor")
    with pytest.raises(PermissionRefused):
        unlink_identities(actor=editor, user=mia, now=timezone.now())
    with pytest.raises(PermissionRefused):
        link_subject(actor=editor, user=editor, issuer=provider.issuer, subject="x")
    assert LinkedIdentity.objects.get().user == mia


def test_the_shell_links_users_of_a_provider_that_verifies_no_address(
    provider: Provider, mia: User, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    provider.claims = {"sub": "mia-1"}
    refusal(client)
    assert f"no user may sign in as the subject 'mia-1' of {provider.issuer}" in caplog.text
    call_command("users", "link-single-sign-on", "mia", "mia-1")
    assert enter(client).headers["Location"] == "/admin/"
    call_command("users", "unlink-single-sign-on", "mia")
    assert client.get("/admin/").status_code == 302
    assert not LinkedIdentity.objects.exists()


@pytest.mark.parametrize(("name", "subject"), [("mia", "mia-2"), ("ben", "mia-1"), ("ben", "é"), ("ben", "x" * 256)])
def test_the_shell_links_neither_twice_nor_what_cannot_be(
    provider: Provider, mia: User, make_user: Callable[..., User], name: str, subject: str
) -> None:
    make_user("author", username="ben")
    link_subject(actor=SYSTEM, user=mia, issuer=provider.issuer, subject="mia-1")
    with pytest.raises(CommandError):
        call_command("users", "link-single-sign-on", name, subject)
    assert LinkedIdentity.objects.count() == 1


@pytest.mark.django_db
def test_without_a_provider_the_shell_links_nobody(make_user: Callable[..., User]) -> None:
    make_user(username="ben")
    with pytest.raises(CommandError, match="OIDC_ISSUER is not set"):
        call_command("users", "link-single-sign-on", "ben", "x")
