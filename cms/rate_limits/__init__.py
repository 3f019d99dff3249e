"""Rate limits: the limits, and whom each of them counts by. `counting.py` counts.

Redis counts for all processes together; without Redis, or while it can't be reached, each process counts alone. Each
API version words its own refusals.
"""

import ipaddress
from dataclasses import replace
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Final

from django.conf import settings

from cms.rate_limits.counting import count, give_back, take, take_amount_or_refuse, take_or_refuse
from cms.rate_limits.quotas import Policy, Quota, Standing, Taken

__all__ = [
    "Policy",
    "Quota",
    "Standing",
    "Taken",
    "count",
    "give_back",
    "take",
    "take_amount_or_refuse",
    "take_or_refuse",
]

MINUTE_S: Final = 60
# A client with an IPv6 address has a whole /64 at least, and could have a new address for every request.
IPV6_PREFIX: Final = 64
# All networks that one who has an IPv6 line at an office or a server may use.
SITE_PREFIX: Final = 48
# A line is often given a /56, and anybody a /48: with all of one, an account is still not locked everywhere.
WIDER_FACTORS: Final = {56: 2, SITE_PREFIX: 4}
ANONYMOUS: Final = Policy("anonymous", "RATE_LIMIT_ANONYMOUS", MINUTE_S)
CREDENTIAL: Final = Policy("credential", "RATE_LIMIT_CREDENTIAL", MINUTE_S)
# Counted within the client's network: a stranger elsewhere locks nobody out. All networks have ten times as many.
LOGIN_NAME: Final = Policy("login-name", "RATE_LIMIT_LOGIN", 5 * MINUTE_S)
LOGIN_NAME_ANYWHERE: Final = Policy("login-name-anywhere", "RATE_LIMIT_LOGIN", 5 * MINUTE_S, factor=10)
# By either name: what was typed counts by LOGIN_NAME, so that a refusal tells nobody which names are one account's.
LOGIN_ACCOUNT: Final = Policy("login-account", "RATE_LIMIT_LOGIN", 5 * MINUTE_S)
LOGIN_ACCOUNT_ANYWHERE: Final = Policy("login-account-anywhere", "RATE_LIMIT_LOGIN", 5 * MINUTE_S, factor=10)
# As long as the cookie of an attempt at the provider is good: each is used once.
SIGN_IN_ATTEMPT: Final = Policy("sign-in-attempt", None, 10 * MINUTE_S, most=1)
# Wrong passwords of strangers count neither for a signed-in user nor for one who comes from the provider.
LOGIN_PROOF: Final = Policy("login-proof", "RATE_LIMIT_LOGIN", 5 * MINUTE_S)
LOGIN_PROVIDER: Final = Policy("login-provider", "RATE_LIMIT_LOGIN", 5 * MINUTE_S)
LOGIN_ADDRESS: Final = Policy("login-address", "RATE_LIMIT_LOGIN", 5 * MINUTE_S, factor=5)
# Right passwords too: each one is hashed.
LOGIN_TRIES: Final = Policy("login-tries", "RATE_LIMIT_LOGIN", 5 * MINUTE_S, factor=50)
# Apart from passwords: any page can lead a reader's browser to the provider.
LOGIN_BEGUN: Final = Policy("login-begun", "RATE_LIMIT_LOGIN", 5 * MINUTE_S, factor=50)
LOGIN_CODE: Final = Policy("login-code", "RATE_LIMIT_LOGIN", 5 * MINUTE_S)
# Three codes of a million are good at a time: 100 tries a day have one chance in ten within a year.
LOGIN_CODE_DAY: Final = Policy("login-code-day", "RATE_LIMIT_LOGIN", 24 * 60 * MINUTE_S, factor=10)
# With all passwords: a thief who can reset them needs four months for that chance, and each reset shows.
LOGIN_CODE_ACCOUNT: Final = Policy("login-code-account", "RATE_LIMIT_LOGIN", 24 * 60 * MINUTE_S, factor=30)
# Not a limit: it tells logins that are being checked from those that failed.
LOGIN_RUNNING: Final = Policy("login-running", "RATE_LIMIT_LOGIN", 10, factor=1_000)
# How many rows the audit trail gets: each failure that was checked, and once that there were too many.
LOGIN_NOTED: Final = Policy("login-noted", "RATE_LIMIT_LOGIN", 5 * MINUTE_S, factor=10, if_off=10)
LOGIN_LOCKED: Final = Policy("login-locked", "RATE_LIMIT_LOGIN", 5 * MINUTE_S, most=1)
REGISTER: Final = Policy("register", "RATE_LIMIT_REGISTER", 60 * MINUTE_S)
# By the address that a mail goes to, and apart by purpose: no mails keep those of another purpose away.
MAIL_RESET: Final = Policy("mail-reset", "RATE_LIMIT_MAIL", 60 * MINUTE_S)
MAIL_VERIFICATION: Final = Policy("mail-verification", "RATE_LIMIT_MAIL", 60 * MINUTE_S)
MAIL_NEWCOMER: Final = Policy("mail-newcomer", "RATE_LIMIT_MAIL", 60 * MINUTE_S)
# By the new address within the client's network: a stranger elsewhere keeps nobody from asking for it.
# All networks have four times as many, as each is a mail to somebody who may not have asked.
MAIL_CHANGE: Final = Policy("mail-change", "RATE_LIMIT_MAIL", 60 * MINUTE_S)
MAIL_CHANGE_ANYWHERE: Final = Policy("mail-change-anywhere", "RATE_LIMIT_MAIL", 60 * MINUTE_S, factor=4)
# Questions and notices about a change, to the address in force.
MAIL_IN_FORCE: Final = Policy("mail-in-force", "RATE_LIMIT_MAIL", 60 * MINUTE_S)
# New addresses that v1 asks about the one in force: no mail goes there yet.
MAIL_CONSENT: Final = Policy("mail-consent", "RATE_LIMIT_MAIL", 60 * MINUTE_S)
MAIL_CONSENT_ANYWHERE: Final = Policy("mail-consent-anywhere", "RATE_LIMIT_MAIL", 60 * MINUTE_S, factor=4)
# For addresses that get no mail: counting takes the same time as for those that do.
MAIL_NONE: Final = Policy("mail-none", "RATE_LIMIT_MAIL", 60 * MINUTE_S)
MAIL_ACCOUNT: Final = Policy("mail-account", "RATE_LIMIT_MAIL", 60 * MINUTE_S)
MAIL_ADDRESS: Final = Policy("mail-address", "RATE_LIMIT_MAIL", 60 * MINUTE_S, factor=10)
COMMENTS: Final = Policy("comments", "RATE_LIMIT_COMMENTS", 60 * MINUTE_S)
# By all accounts that have registered themselves: a school comments from one address.
COMMENTS_ADDRESS: Final = Policy("comments-address", "RATE_LIMIT_COMMENTS", 60 * MINUTE_S, factor=10)
# Changes of one's own profile, API keys and comments: each leaves a row that is kept for years.
OWN_CHANGES: Final = Policy("own-changes", "RATE_LIMIT_OWN_CHANGES", 60 * MINUTE_S)
OWN_CHANGES_ADDRESS: Final = Policy("own-changes-address", "RATE_LIMIT_OWN_CHANGES", 60 * MINUTE_S, factor=10)
# Tags that somebody names who may not manage them: each is a row of the lists that everybody reads.
NEW_TAGS: Final = Policy("new-tags", None, 24 * 60 * MINUTE_S, most=200)
# How many refusals of a user's requests with an Idempotency-Key are stored: a row each, that no right is needed for.
KEPT_REFUSALS: Final = Policy("kept-refusals", None, 24 * 60 * MINUTE_S, most=100)
# How often links of mails are opened by browsers without a session: each gets one, which is a row.
LINKS_OPENED: Final = Policy("links-opened", None, 60 * MINUTE_S, most=20)
# In kilobytes: bytes times the milliseconds of a day are more than numbers of Lua hold exactly.
KEPT_KB: Final = Policy("kept-kb", "RATE_LIMIT_KEPT_MB", 24 * 60 * MINUTE_S, factor=1_000)


def address_quota(policy: Policy, address: str | None) -> Quota | None:
    """Return None without an address, as behind an untrusted Unix socket: all clients would share one quota."""
    return Quota(policy, network_of(address)) if address else None


def address_quotas(policy: Policy, address: str | None) -> list[Quota]:
    """Return the quota of an address, and of the larger networks around an IPv6 one. None without an address."""
    quota = address_quota(policy, address)
    wider = WIDER_FACTORS if quota and ":" in quota.subject else ()
    return [*filter(None, [quota]), *(Quota(_widened(policy, p), network_of(address or "", p)) for p in wider)]


def quota_within(quota: Quota, address: str | None) -> Quota:
    """Return the same for its subject as seen from this network alone. Subjects without an address share one quota."""
    return Quota(quota.policy, f"{quota.subject} {network_of(address or '')}")


def wider_quotas(quota: Quota, address: str | None) -> list[Quota]:
    """Return the same as seen from the larger networks around an IPv6 address, with larger limits. None for IPv4."""
    if ":" not in network_of(address or ""):
        return []
    return [
        Quota(_widened(quota.policy, prefix), f"{quota.subject} {network_of(address or '', prefix)}")
        for prefix in WIDER_FACTORS
    ]


@cache
def _widened(policy: Policy, prefix: int) -> Policy:
    return replace(policy, name=f"{policy.name}-{prefix}", factor=policy.factor * WIDER_FACTORS[prefix])


def name_quota(name: str, policy: Policy = LOGIN_NAME) -> Quota:
    """Return the quota of a typed account name, known or not. It is a digest: names are long, and private."""
    # Folded as the query folds it that finds the account.
    folded = name.lower().encode(errors="surrogatepass")
    key = blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"tandem-limits").digest()
    return Quota(policy, blake2b(folded, digest_size=16, key=key).hexdigest())


@lru_cache(maxsize=4_096)
def network_of(address: str, prefix: int = IPV6_PREFIX) -> str:
    """Return an IPv4 address itself, also when it is written as IPv6; of an IPv6 address the network."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, prefix), strict=False))
