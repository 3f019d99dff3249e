"""The OpenAPI document of v1."""

from django.http import HttpResponse
from rest_framework.request import Request

from api_v1.openapi import document
from api_v1.responses import JsonResponse
from api_v1.views.view import V1View


class OpenApiView(V1View):
    scopes = {"GET": None}

    def get(self, request: Request) -> HttpResponse:
        return JsonResponse(document())
