"""How often somebody may do something: which limits there are, whom each counts by, and counting them.

Counted in Redis for all processes together; in this process alone where there is no Redis or it can't be reached. What a
refusal looks like is each API version's business.
"""

from cms.rate_limits.counting import give_back, take, take_or_refuse
from cms.rate_limits.policies import (
    ANONYMOUS,
    COMMENTS,
    CREDENTIAL,
    LOGIN_ACCOUNT,
    LOGIN_ACCOUNT_ANYWHERE,
    LOGIN_ADDRESS,
    LOGIN_CODE,
    LOGIN_CODE_DAY,
    LOGIN_LOCKED,
    LOGIN_NAME,
    LOGIN_NAME_ANYWHERE,
    LOGIN_NOTED,
    LOGIN_PROOF,
    LOGIN_PROVIDER,
    LOGIN_RUNNING,
    LOGIN_TRIES,
    MAIL_ACCOUNT,
    MAIL_ADDRESS,
    MAIL_NAME,
    REGISTER,
    Policy,
    Quota,
    address_quota,
    name_quota,
    quota_within,
)
from cms.rate_limits.windows import Standing, Taken

__all__ = [
    "ANONYMOUS",
    "COMMENTS",
    "CREDENTIAL",
    "LOGIN_ACCOUNT",
    "LOGIN_ACCOUNT_ANYWHERE",
    "LOGIN_ADDRESS",
    "LOGIN_CODE",
    "LOGIN_CODE_DAY",
    "LOGIN_LOCKED",
    "LOGIN_NAME",
    "LOGIN_NAME_ANYWHERE",
    "LOGIN_NOTED",
    "LOGIN_PROOF",
    "LOGIN_PROVIDER",
    "LOGIN_RUNNING",
    "LOGIN_TRIES",
    "MAIL_ACCOUNT",
    "MAIL_ADDRESS",
    "MAIL_NAME",
    "REGISTER",
    "Policy",
    "Quota",
    "Standing",
    "Taken",
    "address_quota",
    "give_back",
    "name_quota",
    "quota_within",
    "take",
    "take_or_refuse",
]
