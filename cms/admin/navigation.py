"""The menu at the side: the domain's pages in the order of daily work, then those of other packages."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cms.admin.moderation import pending_comments

ICONS = {
    "Post": "article",
    "Comment": "forum",
    "Tag": "sell",
    "Category": "account_tree",
    "MediaFile": "perm_media",
    "User": "group",
    "Invitation": "mail",
    "Group": "shield_person",
    "ApiKey": "key",
    "Webhook": "webhook",
    "Delivery": "outbox",
    "PostRevision": "history",
    "Redirect": "alt_route",
    "ImportRecord": "download",
    "Transfer": "swap_vert",
    "AuditEvent": "policy",
}
OURS = ("cms", "auth")
GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_("Content"), ("Post", "Comment", "Tag", "Category", "MediaFile")),
    (_("People"), ("User", "Invitation", "Group", "ApiKey")),
    (_("Webhooks"), ("Webhook", "Delivery")),
    (_("Records"), ("PostRevision", "Redirect", "Transfer", "ImportRecord", "AuditEvent")),
)
ROLLOUT_PERMISSION = "canary.view"


def sidebar(request: HttpRequest, app_list: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return Unfold's groups of links. `app_list` is Django's and holds only what this user may open."""
    models = {model["object_name"]: model for app in app_list if app["app_label"] in OURS for model in app["models"]}
    grouped = {name for _title, names in GROUPS for name in names}
    overview = {"title": _("Overview"), "icon": "home", "link": reverse("admin:index"), "has_permission": True}
    first = [{**overview, "active": request.path == overview["link"]}]
    if request.user.has_perm(ROLLOUT_PERMISSION):
        first.append(_rollout(request))
    groups = [{"items": first}]
    for title, names in GROUPS:
        groups.append(_group(request, title, [models[name] for name in names if name in models]))
    groups.append(_group(request, _("More"), [model for name, model in models.items() if name not in grouped]))
    groups += [_group(request, app["name"], app["models"]) for app in app_list if app["app_label"] not in OURS]
    return [group for group in groups if group["items"]]


def _rollout(request: HttpRequest) -> dict[str, Any]:
    """Return a link to the canary's page, which is known here by its address alone."""
    link = reverse("canary_pages:page")
    is_active = request.path.startswith(link)
    return {"title": _("Rollout"), "icon": "call_split", "link": link, "has_permission": True, "active": is_active}


def _group(request: HttpRequest, title: Any, models: list[dict[str, Any]]) -> dict[str, Any]:
    return {"title": title, "separator": True, "items": [_item(request, model) for model in models]}


def _item(request: HttpRequest, model: dict[str, Any]) -> dict[str, Any]:
    badge = {}
    if model["object_name"] == "Comment":
        badge = {"badge": pending_comments(request), "badge_variant": "warning"}
    return {
        **badge,
        "title": model["name"],
        "icon": ICONS.get(model["object_name"], "table"),
        "link": model["admin_url"],
        "active": request.path.startswith(model["admin_url"]),
        "has_permission": True,
    }


def admin_url_of(request: HttpRequest) -> str:
    """Return the address of the admin site, with a slash at its end: the setting, or else the host of the request."""
    return settings.ADMIN_URL or request.build_absolute_uri(reverse("admin:index"))


def admin_url_in_mails(request: HttpRequest) -> str:
    """Return the same for a mail to somebody else: its port is the server's own, or that of the scheme."""
    host, port = split_domain_port(request.get_host())
    # Without an address of the client there is a Unix socket, and gunicorn repeats the port of the header.
    is_own = port == request.META["SERVER_PORT"] and request.META.get("REMOTE_ADDR")
    origin = f"{request.scheme}://{host}:{port}" if is_own else f"{request.scheme}://{host}"
    return settings.ADMIN_URL or origin + reverse("admin:index")
