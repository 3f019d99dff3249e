"""The same as v2, on which nobody gets an order, notes are to be written elsewhere, and entries are in conflict."""

from tests.canary.let_in_urls_v1 import routes

urlpatterns = routes(500, 302, 409)
