"""Whose requests say nothing of ordinary users, by the setting CANARY["IS_EXCLUDED"]: staff, bots, health checks, synthetic.

Decided after the answer is made, of what is known by then: nothing here asks the database.
"""

import re
from functools import lru_cache
from typing import Any, Final

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from cms.choices import Role

STAFF: Final = frozenset({Role.EDITOR.value, Role.ADMIN.value})
"""Not authors: they are whom an editorial API is for, and without them no writing would ever be judged."""
AGENT_LENGTH: Final = 256
# Crawlers and link previews name themselves so; monitors by the products that are common.
_BOT: Final = re.compile(
    r"bot\b|bot[/_ -]|crawl|spider|slurp|facebookexternalhit|embedly|preview|headless|lighthouse|archiver|scrapy|feedfetcher",
    re.IGNORECASE,
)
_HEALTH: Final = re.compile(
    r"kube-probe|elb-healthchecker|googlehc|uptime|pingdom|statuscake|site24x7|health|nagios|zabbix|prometheus|blackbox",
    re.IGNORECASE,
)
_HEALTH_PATH: Final = re.compile(r"/api(?:/v[0-9]+)?/health(?:/|\Z)", re.ASCII)


def why_excluded(request: HttpRequest) -> str:
    """`synthetic`, `health`, `bot` or `staff`, empty for everybody else."""
    meta = request.META
    if (synthetic := meta.get("HTTP_X_SYNTHETIC")) and synthetic.strip() not in ("", "0"):
        return "synthetic"
    if "/health" in request.path_info and _HEALTH_PATH.match(request.path_info):
        return "health"
    agent = meta.get("HTTP_USER_AGENT")
    if agent and (kind := _kind_of_agent(agent[:AGENT_LENGTH])):
        return kind
    return "staff" if getattr(known_user(request), "role", None) in STAFF else ""


def known_user(request: HttpRequest) -> Any:
    """The user whom the view has let in, None when nobody has asked: asking now would cost a query."""
    user = request.__dict__.get("user")
    return request.__dict__.get("_cached_user") if type(user) is SimpleLazyObject else user


@lru_cache(maxsize=4_096)
def _kind_of_agent(agent: str) -> str:
    if _HEALTH.search(agent):
        return "health"
    return "bot" if _BOT.search(agent) else ""
