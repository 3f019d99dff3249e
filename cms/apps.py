"""The Django app of the domain, and Django's admin app with our site in it."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.backends.signals import connection_created

from cms.db import told_of_doubt
from cms.generations.writes import hear_of_doubt, watch_writes


class CmsConfig(AppConfig):
    name = "cms"
    verbose_name = "Content"

    def ready(self) -> None:
        import_module("cms.media.checks")
        import_module("cms.seeding.accounts")  # it has a check of deployments too
        connection_created.connect(watch_writes)
        told_of_doubt.append(hear_of_doubt)


class AdminSiteConfig(AdminConfig):
    default_site = "cms.admin.site.TandemAdminSite"

    def ready(self) -> None:
        super().ready()
        # Not on import of `cms.admin`: that happens while Django makes the site that the pages register with.
        import_module("cms.admin.pages")
