"""Requests that show nothing of ordinary users, for the setting CANARY["IS_EXCLUDED"]: staff, bots, health, synthetic.

Decided after the response is made, by what is known then: only `X-Synthetic` may cost a query.
"""

import re
from functools import lru_cache
from typing import Final

from django.http import HttpRequest

from cms import policy
from cms.accounts.authentication import has_scope, person_behind
from cms.choices import Role, Scope

STAFF: Final = frozenset({Role.EDITOR.value, Role.ADMIN.value})
"""Not authors: they are whom an editorial API is for, and without them no writing would ever be judged."""
AGENT_LENGTH: Final = 256
# Crawlers and link previews name themselves so; monitors by the products that are common.
_BOT: Final = re.compile(
    r"bot\b|bot[/_ -]|crawl|spider|slurp|facebookexternalhit|embedly|preview|headless|lighthouse|archiver|scrapy"
    r"|feedfetcher",
    re.IGNORECASE,
)
_HEALTH: Final = re.compile(
    r"kube-probe|elb-healthchecker|googlehc|uptime|pingdom|statuscake|site24x7|health|nagios|zabbix|prometheus"
    r"|blackbox",
    re.IGNORECASE,
)
_HEALTH_PATH: Final = re.compile(r"/api(?:/v[0-9]+)?/health(?:/|\Z)", re.ASCII)


def why_excluded(request: HttpRequest) -> str:
    """Return `synthetic`, `health`, `bot` or `staff`, empty for everybody else."""
    meta = request.META
    if "HTTP_X_SYNTHETIC" in meta and _is_synthetic(request):
        return "synthetic"
    if "/health" in request.path_info and _HEALTH_PATH.match(request.path_info):
        return "health"
    agent = meta.get("HTTP_USER_AGENT")
    if agent and (kind := _kind_of_agent(agent[:AGENT_LENGTH])):
        return kind
    return "staff" if getattr(person_behind(request), "role", None) in STAFF else ""


def _is_synthetic(request: HttpRequest) -> bool:
    """Whether the request says so and may: unseen, anybody else could look on which version an identity is.

    Permissions of a group cost a query, and only requests with the header pay for it.
    """
    if request.META["HTTP_X_SYNTHETIC"].strip() in ("", "0"):
        return False
    person, scope = person_behind(request), Scope.ROLLOUT_SYNTHETIC
    return person is not None and has_scope(request, scope) and policy.is_scope_open_to(person, scope)


@lru_cache(maxsize=4_096)
def _kind_of_agent(agent: str) -> str:
    if _HEALTH.search(agent):
        return "health"
    return "bot" if _BOT.search(agent) else ""
