"""Redirects: added, changed, deleted, and tried with an address as readers type it."""

import datetime
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from cms import clock, limits, policy
from cms.admin.forms import ServiceForm
from cms.admin.options import DeletableAdmin, wide
from cms.admin.shown import shown_instant
from cms.models import Post, Redirect
from cms.policy import Actor
from cms.services.redirects import create_redirect, delete_redirect, update_redirect
from cms.text.old_paths import old_paths_of


class RedirectForm(ServiceForm):
    old_path = forms.CharField(
        label=gettext_lazy("Old address"),
        max_length=limits.OLD_PATH_MAX,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "/2019/05/old-title/", "spellcheck": "false"}),
        help_text=gettext_lazy("The path after the host, beginning with a slash. Include the query if there is one."),
    )


class TryForm(forms.Form):
    path = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=limits.OLD_PATH_MAX,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "/2019/05/old-title/", "spellcheck": "false"}),
        help_text=gettext_lazy("A path, or a whole address of the old site."),
    )

    def clean_path(self) -> str:
        """Cut a whole address to its path: the host is the front end's."""
        parts = urlsplit(self.cleaned_data["path"].strip())
        bare = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return bare if bare.startswith("/") else f"/{bare}"


@admin.register(Redirect)
class RedirectAdmin(DeletableAdmin):
    empty_text = gettext_lazy("Old addresses of posts lead to the new ones. Addresses of another site can be added.")
    form = RedirectForm
    may_manage = staticmethod(policy.may_edit_all_posts)
    deletion = gettext_lazy("The old address leads nowhere from then on. This can't be undone.")
    list_display = ["shown_path", "post", "made"]
    list_select_related = ["post"]
    search_fields = ["old_path", "post__title"]
    search_help_text = gettext_lazy("Old address or title")
    ordering = ["old_path"]
    unlisted_fields = ("post__content", "post__content_html")
    autocomplete_fields = ["post"]
    fields = ["old_path", "post"]
    actions_list = ["try_address"]

    @display(description=gettext_lazy("Old address"), ordering="old_path")
    def shown_path(self, redirect: Redirect) -> str:
        return wide(redirect.old_path)

    @display(description=gettext_lazy("Created"), ordering="created_at")
    def made(self, redirect: Redirect) -> str:
        return shown_instant(redirect.created_at)

    @action(
        description=gettext_lazy("Try an address"), icon="travel_explore", url_path="try-address", permissions=["view"]
    )
    def try_address(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:cms_redirect_try"))

    def get_urls(self) -> list[Any]:
        return [path("try/", self.admin_site.admin_view(self.try_view), name="cms_redirect_try"), *super().get_urls()]

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """Show where an address leads, for readers and for editors. It changes nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form, found = TryForm(request.GET if "path" in request.GET else None), None
        if form.is_valid():
            found = where_it_leads(form.cleaned_data["path"], request.user, clock.now())
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "title": _("Try an address"), "opts": self.opts}
        return render(request, "cms/admin/try_redirect.html", {**context, "form": form, "found": found})

    def create(self, actor: Actor, fields: Any, now: datetime.datetime) -> Redirect:
        return create_redirect(actor=actor, fields=fields, now=now)

    def update(self, actor: Actor, row: Redirect, changes: Any, now: datetime.datetime) -> Redirect:
        return update_redirect(actor=actor, redirect=row, changes=changes, now=now)

    def delete(self, actor: Actor, row: Redirect, now: datetime.datetime) -> None:
        delete_redirect(actor=actor, redirect=row)


def where_it_leads(old_path: str, actor: Actor, now: datetime.datetime) -> dict[str, Any]:
    """Return the post, whether it has the address today, and whether readers see it; no post where nothing is found."""
    forms_of_it = old_paths_of(old_path)
    posts = Post.objects.visible_to(actor, now)
    slugs = [one.removeprefix("/posts/") for one in forms_of_it if one.startswith("/posts/")]
    slug = posts.filter(slug__in=slugs).values_list("slug", flat=True).first()
    is_today = slug is not None
    slug = slug or posts.slug_of_old_path(forms_of_it)
    post = posts.filter(slug=slug).only("title", "slug", "language").first() if slug else None
    is_public = post is not None and Post.objects.visible_to(AnonymousUser(), now).filter(pk=post.pk).exists()
    return {"path": old_path, "post": post, "is_today": is_today, "is_public": is_public}
