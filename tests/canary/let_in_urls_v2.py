"""The same as v2, on which nobody gets an order."""

from tests.canary.let_in_urls_v1 import routes

urlpatterns = routes(500)
