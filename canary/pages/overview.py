"""The rollout in one line, for the first page of an admin site."""

from django.http import HttpRequest
from django.urls import reverse

from canary.conf import canary_conf
from canary.core.names import names_from
from canary.core.permissions import VIEW
from canary.errors import StoreUnreachable
from canary.pages.naming import naming
from canary.pages.standing import standing
from canary.state.status import status
from canary.verbs.wording import percent


def rollout_line(request: HttpRequest) -> tuple[str, str, str] | None:
    """Return the weight, the situation in a few words and the page's address; None for those who may not see it."""
    if not request.user.has_perm(VIEW):
        return None
    now = canary_conf().now()
    try:
        known = status(now)
    except StoreUnreachable:
        return None
    names = names_from(known)
    with naming(names):
        title = standing(known, now).title
    return f"v{names.candidate}: {percent(known['weight_bp'])}", title, reverse("canary_pages:page")
