"""The Django app of API v1: no models, only its contract."""

from django.apps import AppConfig


class ApiV1Config(AppConfig):
    name = "api_v1"
    verbose_name = "API v1"
