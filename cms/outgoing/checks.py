"""A check of deployments: mails have to be sent. Django has one too, which knows the backends of its own alone."""

from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

PRINTED: Final = "cms.outgoing.printed.EmailBackend"


@register("mail", deploy=True)
def check_mails_are_sent(app_configs: Any, **options: Any) -> list[CheckMessage]:
    if settings.MAILERS["default"]["BACKEND"] != PRINTED:
        return []
    return [Error("Mails are printed, and nobody gets them.", hint="Set EMAIL_URL to an SMTP server.", id="cms.E003")]
