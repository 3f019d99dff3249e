"""Addresses outside the APIs. `/api` and all below it is routed by the canary to a version's own `root_urls`."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.decorators.csp import csp_override
from django.views.generic import RedirectView, TemplateView

from cms.apps import register_pages
from cms.http.preview_pages import preview_media, preview_page

register_pages()
urlpatterns = [
    path("", csp_override(settings.STATIC_PAGE_CSP)(TemplateView.as_view(template_name="cms/home.html"))),
    path("previews/<str:token>", preview_page, name="preview"),
    path("previews/<str:token>/media/<uuid:media_id>", preview_media, name="preview-media"),
    path("metrics", include("canary.metrics.scraping")),
    path("canary/api/", include("canary.control_api.urls")),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/canary", RedirectView.as_view(url="/admin/canary/")),
    path("admin/canary/", include("canary.pages.urls")),
    path("admin/", admin.site.urls),
]
handler500 = "cms.http.unavailable.server_error"
