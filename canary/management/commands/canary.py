"""`manage.py canary`: the rollout from the command line, by the verbs of `canary.verbs`."""

import getpass
import json
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from canary.conf import CanaryConf, canary_conf
from canary.core.names import FIRST, Names, in_names
from canary.errors import RolloutError
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.performing import perform, version_now
from canary.verbs.registry import all_verbs
from canary.verbs.wording import one_line, told

if sys.platform != "win32":
    import pwd


class Command(BaseCommand):
    help = "Look at the rollout of API v2, and change it."
    requires_system_checks = ()  # they open the database, which may be what is down

    def add_arguments(self, parser: CommandParser) -> None:
        groups: dict[tuple[str, ...], Any] = {(): _subparsers(parser)}
        names = _names()
        for words, verb in sorted(all_verbs().items()):
            help = in_names(verb.help, names)
            added = _group(groups, words[:-1]).add_parser(words[-1], help=help, description=_sentence(help))
            for option in verb.all_options:
                _add_option(added, replace(option, help=in_names(option.help, names)))
            added.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
            added.set_defaults(found=verb)

    def handle(self, *args: Any, found: Verb, as_json: bool, **options: Any) -> None:
        now = _configured().now()
        values = {option.name: options[option.name] for option in found.all_options}
        reason, version = values.pop("reason", ""), values.pop("expected_version", None)
        try:
            if found.is_change and found.takes_version and version is None:
                version = version_now()
            result = perform(found, Call(values, cli_actor(), now, reason, version))
        except RolloutError as error:
            sentence = told(error, f"--{error.override.replace('_', '-')}")
            if as_json:
                self._write([json.dumps({"error": sentence, "current": error.current or None})])
            raise CommandError(sentence) from error
        self._write([json.dumps(result)] if as_json else map(one_line, found.say(result)))
        if said := result.get("error"):
            raise CommandError(said)

    def _write(self, lines: Iterable[str]) -> None:
        """Write the lines, as long as anybody reads them: `report | head` stops early."""
        try:
            for line in lines:
                self.stdout.write(line)
            self.stdout.flush()
        except BrokenPipeError:
            # The rest of the buffer would fail again as the process ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _configured() -> CanaryConf:
    """Return the settings. A new site's first command may find that one is missing: a sentence is enough then."""
    try:
        return canary_conf()
    except (ImproperlyConfigured, ImportError) as error:
        raise CommandError(f"{error} `manage.py check` names all that is missing.") from error


def _names() -> Names:
    """Return the names that the settings give the versions; their faults are for the command itself to tell."""
    try:
        return canary_conf().names
    except (ImproperlyConfigured, ImportError, TypeError, ValueError):
        return FIRST


def cli_actor() -> str:
    """Return the operating system's user, as the event log names people of the command line.

    By the number of the process: anybody can set LOGNAME, by which one person could approve as two.
    """
    if sys.platform == "win32":  # users have no numbers there
        return f"cli:{getpass.getuser()}"
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:  # a container may run as a number without a name
        return f"cli:uid {os.getuid()}"


def _subparsers(parser: CommandParser) -> Any:
    return parser.add_subparsers(metavar="VERB", required=True)


def _group(groups: dict[tuple[str, ...], Any], words: tuple[str, ...]) -> Any:
    """Return the place for a verb that follows these words; the first such verb makes it."""
    if words not in groups:
        parent = _group(groups, words[:-1])
        groups[words] = _subparsers(parent.add_parser(words[-1], help=f"see `canary {' '.join(words)} --help`"))
    return groups[words]


def _add_option(parser: CommandParser, option: Option) -> None:
    if option.is_flag:
        parser.add_argument(option.flag, action="store_true", dest=option.name, help=option.help)
        return
    assert option.parse is not None
    shared: dict[str, Any] = {"type": _typed(option.parse), "help": option.help.replace("%", "%%")}
    if option.is_positional:
        parser.add_argument(option.name, metavar=option.metavar or option.name.upper(), **shared)
        return
    shared |= {"default": option.default, "required": option.is_required, "metavar": option.metavar}
    parser.add_argument(option.flag, dest=option.name, **shared)


def _typed(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Keep the sentence of a ValueError: argparse alone would only report that there was one."""

    def typed(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise ArgumentTypeError(one_line(str(error))) from error

    return typed


def _sentence(help: str) -> str:
    return f"{help[0].upper()}{help[1:]}."
