"""Parts of the pages of this package: forms, the admin's look for who is not signed in, and QR codes."""

from typing import Any, Final
from urllib.parse import urlsplit

import segno
from django import forms
from django.contrib import admin
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from cms import clock, limits
from cms.rate_limits import LINKS_OPENED, Quota, take
from cms.tokens.second_factors import CODE_MAX

LINK_KEPT_S: Final = 3_600


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=CODE_MAX,
        label=_("Code"),
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autofocus": "", "spellcheck": "false"}
        ),
    )


class AnswerForm(forms.Form):
    """The answer of a passkey, filled in by `passkeys.js`."""

    credential = forms.CharField(widget=forms.HiddenInput)


class PasskeyForm(AnswerForm):
    name = forms.CharField(
        max_length=limits.KEY_NAME[1],
        label=_("Name"),
        help_text=_("A name by which you recognise it: “Laptop”, “Blue security key”."),
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": "", "autocomplete": "off"}),
    )


class PasswordForm(forms.Form):
    current_password = forms.CharField(
        label=_("Current password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )


def host_of(request: HttpRequest) -> str:
    """Return the name of the site's host, which passkeys are bound to, without its port."""
    return urlsplit(f"//{request.get_host()}").hostname or ""


def show(request: HttpRequest, template: str, title: Any, **context: Any) -> HttpResponse:
    """Render a page of this package. `title` is its heading."""
    request.current_app = admin.site.name
    context = {**admin.site.each_context(request), "title": title, "subtitle": None, **context}
    return render(request, f"cms/signing_in/{template}.html", context)


def qr_code(text: str) -> SafeString:
    """Return an SVG to stand in the page itself: black on white in both themes, for cameras."""
    picture = segno.make(text, error="m").svg_inline(scale=4, border=4, light="#fff", omitsize=True)
    return mark_safe(picture)  # noqa: S308 - made of squares alone; the text is in none of its attributes


def keep_token(request: HttpRequest, name: str, token: str, subject: object) -> bool:
    """Keep the good token of a mail's link in the session for an hour; False where the subject's were opened too often.

    A link may be opened by any number of browsers without a cookie, and each session is a row.
    """
    if take([Quota(LINKS_OPENED, str(subject))], clock.now()).retry_after_s:
        return False
    request.session[name] = token
    if SESSION_KEY not in request.session:  # that of somebody who is signed in stays as long as it was
        request.session.set_expiry(LINK_KEPT_S)
    return True
