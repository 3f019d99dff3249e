"""`manage.py users`: accounts from the shell. Secrets come by standard input, refusals are one sentence."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from cms.errors import InvalidCredentials
from cms.models import AuditEvent, AuthSession, Invitation, User
from cms.services.sessions import open_session
from cms.services.signing_in import sign_in
from tests.cms.commands.typed import status_of
from tests.conftest import PASSWORD
from tests.databases import copied_database, process_env
from tests.second_factors import set_up_app
from tests.servers import ROOT, clean_environment, manage

NEW_PASSWORD = "another long pass-phrase"
pytestmark = pytest.mark.django_db


class Piped(io.StringIO):
    """Standard input that is no terminal."""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr(sys, "stdin", Piped(text))


def users(*arguments: str) -> str:
    output = io.StringIO()
    call_command("users", *arguments, stdout=output)
    return output.getvalue()


def refusal(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as refused:
        users(*arguments)
    return refused.value


def create(username: str, role: str = "editor", email: str = "") -> str:
    email = email or f"{username}@example.org"
    return users("create", "--username", username, "--email", email, "--role", role, "--password-stdin")


def actions_of(user: User) -> list[str]:
    return list(AuditEvent.objects.filter(object_id=user.pk).order_by("pk").values_list("action", flat=True))


def test_a_user_is_created_with_a_password_from_standard_input(pipe: Any) -> None:
    pipe(f"{NEW_PASSWORD}\n")
    assert create("mia", "author") == "Created mia with the role author.\n"
    user = sign_in(username_or_email="mia", password=NEW_PASSWORD, now=timezone.now())
    assert (user.role, actions_of(user)) == ("author", ["user.registered"])
    assert AuditEvent.objects.get(object_id=user.pk).actor is None


def test_reserved_names_are_allowed_here(pipe: Any) -> None:
    pipe(f"{NEW_PASSWORD}\n")
    create("admin", "admin")
    assert User.objects.get(username="admin").is_superuser


def test_what_is_wrong_with_a_new_user_is_said_in_one_sentence(pipe: Any, author: User) -> None:
    for text, username, email, said in (
        ("short\n", "mia", "mia@example.org", "password: "),
        (f"{NEW_PASSWORD}\n", "m", "mia@example.org", "username: "),
        (f"{NEW_PASSWORD}\n", "mia", "nobody", "email: "),
        (f"{NEW_PASSWORD}\n", author.username.upper(), "mia@example.org", "This username is taken."),
        (f"{NEW_PASSWORD}\n", "mia", author.email.upper(), "This e-mail address is taken."),
    ):
        pipe(text)
        with pytest.raises(CommandError, match=said) as refused:
            create(username, email=email)
        assert refused.value.returncode == 1
    assert User.objects.count() == 1


def test_without_a_terminal_a_password_needs_the_option(pipe: Any, author: User) -> None:
    pipe(f"{NEW_PASSWORD}\n")
    error = refusal("reset-password", author.username)
    assert (error.returncode, "--password-stdin" in str(error)) == (2, True)
    pipe("")
    error = refusal("reset-password", author.username, "--password-stdin")
    assert (error.returncode, str(error)) == (2, "Standard input held no password.")


def test_on_a_terminal_a_password_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch, author: User) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    typed = iter([NEW_PASSWORD, "something else", NEW_PASSWORD, NEW_PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    assert "differ" in str(refusal("reset-password", author.username))
    users("reset-password", author.username)
    assert sign_in(username_or_email=author.username, password=NEW_PASSWORD, now=timezone.now()) == author


@pytest.mark.parametrize("key", [KeyboardInterrupt, EOFError])
def test_whoever_thinks_better_of_it_changes_nothing(
    key: type[BaseException], monkeypatch: pytest.MonkeyPatch, author: User
) -> None:
    def press(prompt: str) -> str:
        raise key

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", press)
    assert "nothing was changed" in str(refusal("reset-password", author.username))


def test_a_new_password_ends_the_sessions(pipe: Any, make_user: Any) -> None:
    user = make_user(password=PASSWORD)
    open_session(user=user, now=timezone.now())
    pipe(f"{NEW_PASSWORD}\n")
    users("reset-password", user.email, "--password-stdin")
    assert not AuthSession.objects.filter(user=user, revoked_at=None).exists()
    with pytest.raises(InvalidCredentials):
        sign_in(username_or_email=user.username, password=PASSWORD, now=timezone.now())


def test_a_role_is_changed_and_recorded(author: User) -> None:
    assert users("set-role", author.username, "editor") == f"{author.username} is now editor, and was author.\n"
    assert users("set-role", author.username.upper(), "editor") == f"{author.username} is editor already.\n"
    assert actions_of(author) == ["user.registered", "user.role_changed"]


def test_a_user_is_suspended_and_activated_again(author: User) -> None:
    open_session(user=author, now=timezone.now())
    assert users("suspend", author.username) == f"{author.username} is suspended now.\n"
    assert users("suspend", author.username) == f"{author.username} is suspended already.\n"
    assert not AuthSession.objects.filter(user=author, revoked_at=None).exists()
    assert users("activate", author.username) == f"{author.username} is active now.\n"
    assert actions_of(author) == ["user.registered", "auth.login", "user.suspended", "user.activated"]


def test_a_lost_second_factor_is_reset_and_the_sessions_end(author: User) -> None:
    now = timezone.now()
    set_up_app(author, now)
    open_session(user=author, now=now)
    said = users("reset-second-factor", author.username)
    assert said == f"{author.username} no longer has a second factor; all sessions have ended.\n"
    assert not AuthSession.objects.filter(user=author, revoked_at=None).exists()
    assert str(refusal("reset-second-factor", author.username)) == "This user has no second factor."


def test_somebody_is_invited_where_the_address_of_the_admin_site_is_known(settings: Any) -> None:
    invite = ("invite", "--email", "nia@example.org", "--role", "author")
    assert str(refusal(*invite)) == "ADMIN_URL is not set: the link in the mail needs the address of the admin site."
    settings.ADMIN_URL = "https://cms.example.org/admin/"
    assert users(*invite).startswith("nia@example.org is invited with the role author until ")
    assert (Invitation.objects.get().role, Invitation.objects.get().invited_by) == ("author", None)


def test_the_last_admin_keeps_the_role_and_stays_active(make_user: Any) -> None:
    admin = make_user("admin")
    for arguments in (("set-role", admin.username, "editor"), ("suspend", admin.username)):
        error = refusal(*arguments)
        assert (error.returncode, str(error)) == (
            1,
            "The last active admin can't be demoted, suspended or deleted.",
        )
    admin.refresh_from_db()
    assert admin.is_superuser


def test_a_name_that_nobody_has_is_a_sentence() -> None:
    for arguments in (("suspend", "nobody"), ("activate", "no\x00body"), ("set-role", "nobody@example.org", "admin")):
        error = refusal(*arguments)
        assert (error.returncode, str(error).startswith("There is no user '")) == (1, True)


def test_users_are_listed_by_name_as_an_aligned_table(make_user: Any) -> None:
    make_user("admin", username="zoe")
    make_user("author", username="ada", is_active=False)
    head, first, second = users("list").splitlines()
    columns = [head.index(word) for word in ("USERNAME", "ROLE", "STATE", "LAST LOGIN", "E-MAIL")]
    read = [[line[start:].split()[0] for start in columns] for line in (first, second)]
    assert read == [
        ["ada", "author", "suspended", "never", "ada@example.org"],
        ["zoe", "admin", "active", "never", "zoe@example.org"],
    ]


def test_a_list_of_one_role_and_a_list_as_json(make_user: Any) -> None:
    assert json.loads(users("list", "--json")) == []
    for username, role in (("zoe", "admin"), ("ada", "author"), ("ben", "author")):
        make_user(role, username=username)
    rows = json.loads(users("list", "--json", "--role", "author"))
    assert [(row["username"], row["role"], row["state"]) for row in rows] == [
        ("ada", "author", "active"),
        ("ben", "author", "active"),
    ]
    assert [row["username"] for row in json.loads(users("list", "--json"))] == ["ada", "ben", "zoe"]
    assert "password" not in users("list", "--json")


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["create"], ["set-role", "mia"], ["set-role", "mia", "owner"], ["list", "--role", "owner"]],
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("users", *arguments) == 2
    assert "usage: manage.py users" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_ends_the_list_without_a_traceback(
    template_of: Callable[[str], str], tmp_path: Path
) -> None:
    with copied_database(template_of("sqlite"), tmp_path) as url:
        env = process_env(url)
        command = f"{sys.executable} manage.py users list | true"
        done = subprocess.run(
            ["sh", "-c", command], cwd=ROOT, env=clean_environment(env), capture_output=True, text=True, check=False
        )
    assert done.stderr == ""


def test_a_database_that_is_not_there_is_a_sentence() -> None:
    done = manage("users", "list", env=process_env("sqlite:////nonexistent/x.sqlite3"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
