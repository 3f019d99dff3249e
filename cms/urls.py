"""Addresses outside the APIs. `/api` and all below it is routed by the canary to a version's own `root_urls`."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView, TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="cms/home.html")),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
]
