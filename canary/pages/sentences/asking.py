"""Sentences about one identity, and about options that can't be parsed."""

from typing import Final

from django.utils.translation import gettext_noop as _

ASKING: Final = (
    _("%(value)s is not an identity"),
    _("%(value)s is not a consumer"),
    _("allowed is KIND:ID with KIND one of %(kinds)s"),
    _("This is decided and takes effect at %(at)s, on all servers at once"),
    _("Until then v%(number)s answers: reason %(reason)s, weight %(count)s basis points"),
    _("Its extension keeps v1's own paths until %(at)s, even after the sunset"),
    _("Its extension keeps v1's own paths until %(count)s days after it is notified, even after the sunset"),
    _("That was decided by %(actor)s: %(reason)s"),
    _("It is on the %(list)s list, put there by %(name)s: %(reason)s"),
    _("Before it was authenticated it was %(identity)s, bucket %(count)s, v%(number)s"),
    _("It became %(identity)s when it was authenticated: bucket %(count)s, v%(number)s"),
    _("%(value)s is not a share: use 0 to 100 in plain digits with up to two decimals"),
    _("%(value)s is not a plan: use 1 to %(count)s shares above 0, each above the one before"),
    _("%(value)s is not a time: use 0 to %(count)s minutes in plain digits, such as 0.5"),
    _("%(value)s are not dates: use 2026-12-08T10:00, with commas between and years from %(low)s to %(high)s"),
    _(
        "%(value)s is not a freeze: use Fri 12:00/Mon 08:00, or 2026-12-23/2027-01-02T08:00 with years from %(low)s to"
        " %(high)s"
    ),
    _("%(count)s freezes are too many: use at most %(limit)s"),
    _("%(value)s is not a time zone: use a name such as Europe/Berlin"),
    _("%(value)s is not allowed: use %(low)s to %(high)s percent"),
    _("%(value)s is not a slowdown: use %(low)s to %(high)s with up to two decimals"),
    _("%(value)s is not allowed: use %(low)s to %(high)s"),
    _("A text has 1 to %(count)s characters that can be stored, and not only blanks"),
    _("A place has at most %(count)s characters that can be stored"),
    _("%(value)s is not a whole number of 0 or more in plain digits"),
    _("An id on a list has 1 to %(count)s characters that can be stored"),
    _("%(value)s is not a date"),
    _("allowed is ISO 8601: 2027-06-01 or 2027-06-01T12:00:00Z"),
    _("%(name)s by API key"),
    _("%(name)s by command"),
)
