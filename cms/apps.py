"""The Django app of the domain, and Django's admin app with our site in it."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _

from cms.db import told_of_doubt
from cms.generations.writes import hear_of_doubt, watch_writes


class CmsConfig(AppConfig):
    name = "cms"
    verbose_name = _("Content")

    def ready(self) -> None:
        import_module("cms.media.checks")
        import_module("cms.outgoing.checks")
        import_module("cms.seeding.accounts")  # it has a check of deployments too
        connection_created.connect(watch_writes)
        told_of_doubt.append(hear_of_doubt)


class AdminSiteConfig(SimpleAdminConfig):
    default_site = "cms.admin.site.TandemAdminSite"

    def ready(self) -> None:
        """Register the checks alone: `cms/urls.py` takes in the pages, which are a third of a command's start."""
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(check_pages, checks.Tags.admin)


def register_pages() -> None:
    """Not on import of `cms.admin`: that happens while Django makes the site that the pages register with."""
    admin.autodiscover()
    import_module("cms.admin.pages")
    import_module("cms.admin.names").translate_names()


def check_pages(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[checks.CheckMessage]:
    register_pages()
    return list(check_admin_app(app_configs, **options))
