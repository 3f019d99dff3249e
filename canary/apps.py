"""The Django app of the canary: rollout control, without any knowledge of content."""

from django.apps import AppConfig

from canary import checks  # noqa: F401  importing it registers the system checks


class CanaryConfig(AppConfig):
    name = "canary"
    verbose_name = "Canary"
