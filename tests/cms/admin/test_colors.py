"""The style sheet of the admin site's colours has those that Unfold would write into each page."""

import re
from pathlib import Path

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.contrib.staticfiles import finders
from django.test import RequestFactory
from unfold.sites import UnfoldAdminSite


def test_the_colors_of_the_style_sheet_are_those_of_unfold() -> None:
    request = RequestFactory().get("/admin/")
    request.user = AnonymousUser()  # type: ignore[attr-defined]
    context = UnfoldAdminSite.each_context(admin.site, request)
    wanted = {
        f"--color-{name}-{weight}": value
        for name, weights in context["colors"].items()
        for weight, value in weights.items()
    }
    text = Path(str(finders.find("cms/colors.css"))).read_text()
    assert dict(re.findall(r"(--[\w-]+): (.+);", text)) == wanted
    assert context["border_radius"] is None  # else it would have to stand there too
    assert admin.site.each_context(request)["colors"] is None
