"""`manage.py users`: manage users from the shell, by the same services as the APIs and the admin site."""

import getpass
import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.db.models.functions import Lower

from cms import clock
from cms.choices import Role
from cms.errors import CmsError
from cms.models import User
from cms.policy import SYSTEM
from cms.querysets.walking import walk_by_key
from cms.services.invitations import invite_user
from cms.services.second_factors.resetting import reset_second_factors
from cms.services.single_sign_on.identities import link_subject, unlink_identities
from cms.services.users import create_user, set_password, update_user

PASSWORD_HELP = "read the password from standard input instead of asking for it on the terminal"  # noqa: S105


class Command(BaseCommand):
    help = (
        "List, create, invite, suspend and activate users, set their role and password. A password is never an"
        " argument: the command reads it from standard input or asks for it on the terminal."
    )
    requires_system_checks = ()  # they open the database, and fail without a sentence when it is down

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
        listing = verbs.add_parser("list", help="print all users", description="Print all users, by username.")
        listing.add_argument("--role", choices=Role.values, help="only users with this role")
        listing.add_argument("--json", action="store_true", dest="as_json", help="print a JSON array")
        self._add_create(verbs)
        role = verbs.add_parser(
            "set-role", help="change a user's role", description="Change a user's role. The last active admin keeps it."
        )
        _add_username(role)
        role.add_argument("role", metavar="ROLE", choices=Role.values, help=f"one of {', '.join(Role.values)}")
        for verb, text in (
            ("suspend", "end a user's sessions and keys at once and refuse new ones"),
            ("activate", "let a suspended user sign in again"),
        ):
            _add_username(verbs.add_parser(verb, help=text, description=f"{text[0].upper()}{text[1:]}."))
        reset = verbs.add_parser(
            "reset-password",
            help="set a user's password",
            description="Set a user's password. It ends the user's sessions.",
        )
        _add_username(reset)
        reset.add_argument("--password-stdin", action="store_true", help=PASSWORD_HELP)

        invite = verbs.add_parser(
            "invite",
            help="invite somebody by mail",
            description="Invite somebody by mail. The link in the mail leads to the admin site at ADMIN_URL.",
        )
        invite.add_argument("--email", required=True, help="the address to invite")
        invite.add_argument("--role", required=True, choices=Role.values, help="what the user may do")
        _add_username(
            verbs.add_parser(
                "reset-second-factor",
                help="remove a user's second factors",
                description="Remove the second factors of a user who has lost them. It ends the user's sessions.",
            )
        )
        self._add_single_sign_on(verbs)

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            getattr(self, f"_{verb.replace('-', '_')}")(**options)
        except CmsError as error:
            raise CommandError(error.message) from error
        except DatabaseError as error:
            raise CommandError(f"The database reported an error: {' '.join(str(error).split())}") from error
        except (KeyboardInterrupt, EOFError) as error:  # Ctrl-C or Ctrl-D instead of a password
            raise CommandError("Interrupted; nothing was changed.") from error

    @staticmethod
    def _add_create(verbs: Any) -> None:
        create = verbs.add_parser(
            "create",
            help="create a user, with any role",
            description="Create a user with any role. Reserved names such as admin and root are allowed here.",
        )
        create.add_argument("--username", required=True, help="3 to 30 letters A to Z, digits and '_'")
        create.add_argument("--email", required=True, help="the address, unique regardless of case")
        create.add_argument("--role", required=True, choices=Role.values, help="what the user may do")
        create.add_argument("--password-stdin", action="store_true", help=PASSWORD_HELP)

    @staticmethod
    def _add_single_sign_on(verbs: Any) -> None:
        link = verbs.add_parser(
            "link-single-sign-on",
            help="link a user to an account at the single sign-on provider",
            description="Link a user to an account at a provider (OIDC_ISSUER) that does not verify addresses.",
        )
        _add_username(link)
        link.add_argument(
            "subject", metavar="SUBJECT", help="the claim `sub` of the account; the log of a refused sign-in shows it"
        )
        unlink = verbs.add_parser(
            "unlink-single-sign-on",
            help="remove a user's link to the single sign-on provider",
            description="Remove a user's link to the provider. It ends the user's sessions.",
        )
        _add_username(unlink)

    def _list(self, *, role: str | None, as_json: bool, **_: Any) -> None:
        users = User.objects.annotate(folded=Lower("username"))  # unique, and has an index
        rows = walk_by_key(users.filter(role=role) if role else users, "folded")
        lines = _json_lines(rows) if as_json else _table_lines(rows)
        for line in lines:
            self.stdout.write(line)

    def _create(self, *, username: str, email: str, role: str, password_stdin: bool, **_: Any) -> None:
        password = _read_password(from_stdin=password_stdin)
        fields: Any = {"username": username, "email": email, "role": role}
        user = create_user(actor=SYSTEM, fields=fields, password=password, now=clock.now())
        self.stdout.write(f"Created {user.username} with the role {user.role}.")

    def _set_role(self, *, username: str, role: str, **_: Any) -> None:
        user = _user(username)
        before = user.role
        user = update_user(actor=SYSTEM, user=user, changes={"role": role}, now=clock.now())
        changed = f"is now {role}, and was {before}" if before != role else f"is {role} already"
        self.stdout.write(f"{user.username} {changed}.")

    def _suspend(self, *, username: str, **_: Any) -> None:
        self._set_active(username, is_active=False)

    def _activate(self, *, username: str, **_: Any) -> None:
        self._set_active(username, is_active=True)

    def _set_active(self, username: str, *, is_active: bool) -> None:
        user = _user(username)
        was_active = user.is_active
        user = update_user(actor=SYSTEM, user=user, changes={"is_active": is_active}, now=clock.now())
        state = "active" if is_active else "suspended"
        self.stdout.write(f"{user.username} is {state} {'already' if was_active == is_active else 'now'}.")

    def _reset_password(self, *, username: str, password_stdin: bool, **_: Any) -> None:
        user = _user(username)
        password = _read_password(from_stdin=password_stdin)
        set_password(actor=SYSTEM, user=user, password=password, now=clock.now())
        self.stdout.write(f"{user.username} has a new password; all sessions have ended.")

    def _invite(self, *, email: str, role: str, **_: Any) -> None:
        if not settings.ADMIN_URL:
            raise CommandError("ADMIN_URL is not set: the link in the mail needs the address of the admin site.")
        now, admin_url = clock.now(), settings.ADMIN_URL
        invitation = invite_user(actor=SYSTEM, email=email, role=role, admin_url=admin_url, now=now)
        end = f"{invitation.expires_at:%Y-%m-%d %H:%M}"
        self.stdout.write(f"{email} is invited with the role {role} until {end} UTC.")

    def _reset_second_factor(self, *, username: str, **_: Any) -> None:
        user = _user(username)
        reset_second_factors(actor=SYSTEM, user=user, now=clock.now())
        self.stdout.write(f"{user.username} no longer has a second factor; all sessions have ended.")

    def _link_single_sign_on(self, *, username: str, subject: str, **_: Any) -> None:
        if not settings.OIDC_ISSUER:
            raise CommandError("OIDC_ISSUER is not set: there is no provider to link to.")
        user = _user(username)
        link_subject(actor=SYSTEM, user=user, issuer=settings.OIDC_ISSUER, subject=subject)
        self.stdout.write(f"{user.username} is now linked to {subject!r} at {settings.OIDC_ISSUER}.")

    def _unlink_single_sign_on(self, *, username: str, **_: Any) -> None:
        user = _user(username)
        unlink_identities(actor=SYSTEM, user=user, now=clock.now())
        self.stdout.write(f"{user.username} is no longer linked to a provider; all sessions have ended.")


def _add_username(parser: ArgumentParser) -> None:
    parser.add_argument("username", metavar="USERNAME", help="username or e-mail address, upper or lower case")


def _user(username: str) -> User:
    user = User.objects.named(username).first() if "\x00" not in username else None
    if user is None:
        raise CommandError(f"There is no user {username!r}.")
    return user


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        try:
            password = sys.stdin.readline().rstrip("\r\n")
        except UnicodeDecodeError:
            _refuse_usage("The password on standard input is not text in UTF-8.")
        if not password:
            _refuse_usage("Standard input held no password.")
        return password
    if not sys.stdin.isatty():
        _refuse_usage("There is no terminal to ask for the password: use --password-stdin and pipe it in.")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandError("The two passwords differ; nothing was changed.")
    return password


def _refuse_usage(message: str) -> NoReturn:
    raise CommandError(message, returncode=2)


def _state(user: User) -> str:
    if user.deleted_at is not None:
        return "deleted"
    return "active" if user.is_active else "suspended"


def _table_lines(users: Iterator[User]) -> Iterator[str]:
    yield f"{'USERNAME':<30} {'ROLE':<10} {'STATE':<9} {'LAST LOGIN':<16} E-MAIL"
    for user in users:
        login = f"{user.last_login:%Y-%m-%d %H:%M}" if user.last_login else "never"
        yield f"{user.username:<30} {user.role:<10} {_state(user):<9} {login:<16} {user.email}"


def _json_lines(users: Iterator[User]) -> Iterator[str]:
    """Yield an array with a line for each user, written as it is read."""
    opening = "["
    for user in users:
        row = {
            "id": str(user.pk),
            "username": user.username,
            "email": user.email,
            "role": user.role,
            "state": _state(user),
            "created_at": user.created_at.isoformat(),
            "last_login": user.last_login.isoformat() if user.last_login else None,
        }
        yield f"{opening}{json.dumps(row)}"
        opening = ","
    yield "]" if opening == "," else "[]"
