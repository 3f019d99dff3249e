"""Checks of deployments: mails are sent, and their links lead to one address.

Django has a check of mails too, which knows its own backends alone.
"""

from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

PRINTED: Final = "cms.outgoing.printed.EmailBackend"


@register("mail", deploy=True)
def check_mails_are_sent(app_configs: Any, **options: Any) -> list[CheckMessage]:
    if settings.MAILERS["default"]["BACKEND"] != PRINTED:
        return []
    return [Error("Mails are printed, and nobody gets them.", hint="Set EMAIL_URL to an SMTP server.", id="cms.E003")]


@register("mail", deploy=True)
def check_links_lead_to_one_address(app_configs: Any, **options: Any) -> list[CheckMessage]:
    if settings.ADMIN_URL:
        return []
    told = "The sender of a request chooses the host of links in mails, among ALLOWED_HOSTS."
    return [checks.Warning(told, hint="Set ADMIN_URL to the address of the admin site.", id="cms.W004")]
