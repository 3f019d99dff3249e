"""The site's addresses beside the API: `/api` belongs to the two versions."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("canary/api/", include("canary.control_api.urls")),  # canary
    path("admin/canary/", include("canary.pages.urls")),  # canary: its page, before the admin's own addresses
    path("admin/", admin.site.urls),
]
