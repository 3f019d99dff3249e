"""Work that one process of all should do: the holder of the lease does it, until the lease expires or is prolonged."""

import datetime

from django.db.models import Q

from canary.models import Lease


def take_lease(name: str, *, holder: str, now: datetime.datetime, seconds: float) -> bool:
    """Take or prolong it until `seconds` from now; False while another process has it. One statement decides."""
    until = now + datetime.timedelta(seconds=seconds)
    is_mine = Lease.objects.filter(Q(holder=holder) | Q(expires_at__lte=now), name=name).update(
        holder=holder, expires_at=until
    )
    if is_mine:
        return True
    Lease.objects.bulk_create([Lease(name=name, holder=holder, expires_at=until)], ignore_conflicts=True)
    return Lease.objects.filter(name=name, holder=holder, expires_at=until).exists()
