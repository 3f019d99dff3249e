"""The Django app of the domain, and Django's admin app with our site in it."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class CmsConfig(AppConfig):
    name = "cms"
    verbose_name = "Content"


class AdminSiteConfig(AdminConfig):
    default_site = "cms.admin.site.TandemAdminSite"

    def ready(self) -> None:
        super().ready()
        # Not on import of `cms.admin`: that happens while Django makes the site that the pages register with.
        import_module("cms.admin.pages")
