"""v2 of the site that writes."""

from tests.canary.shadow.writes import site

urlpatterns = site.V2.urlpatterns
