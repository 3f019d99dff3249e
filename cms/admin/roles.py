"""The roles in the words of those who give them. Who may do what stands in `cms/policy.py`."""

from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cms.choices import Role

SENTENCES: Final[dict[Role, Any]] = {
    Role.SUBSCRIBER: _("Reads and writes comments. Does not open the admin site."),
    Role.AUTHOR: _("Writes and publishes own and co-authored posts, and uploads files."),
    Role.EDITOR: _("Changes every post and file, moderates comments, manages tags, categories and redirects."),
    Role.ADMIN: _("Does all of this, and manages users, keys, webhooks, imports and rollouts."),
}


def explained_roles() -> SafeString:
    """Return the roles and their sentences as a list, for the help of a form."""
    rows = [(role.label, SENTENCES[role]) for role in Role]
    return format_html("<ul>{}</ul>", format_html_join("", "<li><strong>{}</strong>: {}</li>", rows))
