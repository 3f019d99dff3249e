"""The Django app of the canary: rollout control, without any knowledge of content."""

from importlib import import_module

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from canary.requests.queries import watch_queries


class CanaryConfig(AppConfig):
    name = "canary"
    verbose_name = "Canary"

    def ready(self) -> None:
        connection_created.connect(watch_queries)
        # Not on import of this module: models can't be imported yet while Django collects its apps.
        import_module("canary.checks")
        import_module("canary.recording.flushing").register()
        import_module("canary.recording.unanswered").register()
