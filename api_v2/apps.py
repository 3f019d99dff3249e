"""The Django app of API v2: no models, only its contract."""

from django.apps import AppConfig


class ApiV2Config(AppConfig):
    name = "api_v2"
    verbose_name = "API v2"
