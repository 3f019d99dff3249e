"""The addresses of the rollout's page, below the path where the site includes them, before the admin's own."""

from django.contrib import admin
from django.urls import path

from canary.pages import views

app_name = "canary_pages"
guarded = admin.site.admin_view

urlpatterns = [
    path("", guarded(views.page), name="page"),
    path("live/", guarded(views.live), name="live"),
    path("consumers.csv", guarded(views.consumers), name="consumers"),
    path("consumers/", guarded(views.board), name="board"),
    path("debt/", guarded(views.debt), name="debt"),
    path("do/<path:words>/", guarded(views.change), name="change"),
]
