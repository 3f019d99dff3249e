"""v1 of the site that writes."""

from tests.canary.shadow.writes import site

urlpatterns = site.V1.urlpatterns
