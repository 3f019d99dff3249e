"""The signed text in the link of an invitation: which one it is. Whether it is still open, its row says."""

import uuid
from typing import Final

from django.core.signing import BadSignature, Signer

_SALT: Final = "cms.tokens.invitations"


def make_invitation_token(invitation_id: uuid.UUID) -> str:
    return Signer(salt=_SALT).sign(invitation_id.hex)


def invitation_id_in(token: str) -> uuid.UUID | None:
    """Return whose token this is; none for a text that we have not signed."""
    try:
        return uuid.UUID(Signer(salt=_SALT).unsign(token))
    except (BadSignature, UnicodeError):  # a lone surrogate cannot be signed
        return None
