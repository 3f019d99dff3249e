"""`manage.py run_canary_controller`: judge the rollout and act on it, until SIGTERM or SIGINT, or once from cron."""

import logging
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError

from canary.conf import canary_conf
from canary.errors import RolloutError
from canary.judging.controller import Controller, Loop
from canary.judging.leadership import NotLeadingError
from canary.management.heartbeat import add_heartbeat_argument, beat_into
from canary.management.interruption import stop_requests
from canary.verbs.wording import one_line

INTERVAL_S = (0.1, 3_600.0)
logger = logging.getLogger("canary.controller")


class Command(BaseCommand):
    help = (
        "Judge the rollout of API v2 by what its users see: take a plan's next step, hold, or roll back. Several may"
        " run: one leads, and another takes over within seconds if it stops."
    )
    requires_system_checks = ()  # they open the database, which may be what is down

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="take one turn, then exit")
        parser.add_argument(
            "--interval", type=_interval_s, default=1.0, metavar="S", help="seconds between turns (default 1)"
        )
        add_heartbeat_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        controller = Controller(canary_conf().now)
        if options["once"]:
            self._once(controller)
            return
        beat = beat_into(options["heartbeat"])
        is_told_to_stop = stop_requests()
        logger.info("controller started")
        Loop(controller, options["interval"], beat).run(is_told_to_stop)
        logger.info("controller stopped")

    def _once(self, controller: Controller) -> None:
        try:
            if not controller.lead():
                self.stdout.write(f"Another controller leads ({controller.leadership.leader()}): nothing to do here.")
                return
            judgement = controller.turn_once()
            controller.finish()
        except NotLeadingError as error:
            raise CommandError("Another controller took over in the middle of the turn.") from error
        except RolloutError as error:
            raise CommandError(error.sentence) from error
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"The database can't be used: {one_line(str(error))}") from error
        self.stdout.write(one_line(judgement.sentence if judgement else "There is no stored rollout yet."))


def _interval_s(text: str) -> float:
    minimum, maximum = INTERVAL_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not minimum <= seconds <= maximum:
        raise ArgumentTypeError(f"{text!r} is not an interval: use {minimum:g} to {maximum:g} seconds.")
    return seconds
