"""The same as v2, on which nobody gets an order, and notes are to be written elsewhere."""

from tests.canary.let_in_urls_v1 import routes

urlpatterns = routes(500, 302)
