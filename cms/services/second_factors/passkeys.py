"""Passkeys and security keys (WebAuthn level 2) as second factors. The rules of the protocol are those of `fido2`."""

import contextlib
import datetime
import json
import struct
import uuid
from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from fido2.rpid import verify_rp_id
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from cms import limits
from cms.errors import Duplicate, FieldError, InvalidInput, InvalidSecondFactor, NotFound, sentence
from cms.models import Passkey, User
from cms.services.checks import check_text
from cms.services.locks import lock_row
from cms.services.proofs import Proof, require_proof
from cms.services.second_factors.factors import note_added, remove_factor
from cms.services.second_factors.recovery_codes import first_recovery_codes
from cms.services.second_factors.verifying import one_try

KIND: Final = "passkey"
MOST: Final = 20
ANSWER_MAX: Final = 20_000
"""Characters of what a browser sends for a passkey; real ones have some 2,000."""
CREDENTIAL_ID_BYTES_MAX: Final = 1_023
"""Web Authentication level 2, section 4."""
RSA_BYTES_MAX: Final = 1_024
REFUSED: Final = FieldError("credential", "invalid_passkey", "The passkey could not be checked. Try again.")
# RFC 9052 section 7, and RFC 8230 section 4.
_KIND, _ALGORITHM, _MODULUS, _RSA = 1, 3, -1, 3
# A parser of foreign bytes raises each of these; RuntimeError for arrays in arrays, and for what it does not know.
_MALFORMED: Final = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError),
    *(struct.error, OverflowError, RuntimeError),
)

type Options = dict[str, Any]
"""JSON for the browser (`PublicKeyCredential.parseCreationOptionsFromJSON` and its sibling)."""
type Challenge = dict[str, Any]
"""JSON that the same browser session keeps until the answer, which uses it up."""


class Answer(NamedTuple):
    """The answer of a browser to a challenge."""

    text: str
    challenge: Challenge | None
    """The one that its session has kept; none where it was used up."""
    host: str
    """The site's host, without a port."""


def passkeys_of(user: User) -> QuerySet[Passkey]:
    return Passkey.objects.filter(user=user).order_by("pk")


def offer_passkey(*, user: User, host: str, proof: Proof, now: datetime.datetime) -> tuple[Options, Challenge]:
    """Begin to add a passkey for the site at `host`, a name without a port."""
    require_proof(proof, user, now)
    entity = PublicKeyCredentialUserEntity(id=user.pk.bytes, name=user.username, display_name=user.get_full_name())
    options, challenge = _server(host).register_begin(
        entity,
        _credentials(passkeys_of(user)),
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return dict(options.public_key), challenge


def add_passkey(*, user: User, name: str, answer: Answer, proof: Proof, now: datetime.datetime) -> list[str]:
    """Store the passkey that the browser has made; return the recovery codes of a user who had none.

    Raises InvalidInput about `name` or `credential`, Duplicate for a passkey that somebody has added before.
    """
    require_proof(proof, user, now)
    if errors := check_text("name", name, *limits.KEY_NAME):
        raise InvalidInput(errors)
    try:
        server = _server(answer.host)
        data = server.register_complete(*_parsed(answer))
        credential, sign_count = data.credential_data, data.counter
        assert credential is not None
        _require_usable(credential, {each.alg for each in server.allowed_algorithms})
    except _MALFORMED as error:
        raise InvalidInput([REFUSED]) from error
    with transaction.atomic():
        user = lock_row(user)
        require_proof(proof, user, now)  # again: the password may be new by now
        if Passkey.objects.filter(user=user).count() >= MOST:
            raise InvalidInput(
                [FieldError("name", "too_many", sentence("At most %(most)s passkeys are possible.", most=MOST))]
            )
        _insert(Passkey(user=user, name=name, sign_count=sign_count, created_at=now, updated_at=now), credential)
        note_added(user, KIND)
        return first_recovery_codes(user)


def remove_passkey(*, user: User, passkey_id: uuid.UUID, proof: Proof, now: datetime.datetime) -> None:
    """Raises NotFound for none of the user's, PermissionRefused for the last factor of a role that needs one."""
    with transaction.atomic():
        user = lock_row(user)
        require_proof(proof, user, now)
        passkey = Passkey.objects.filter(user=user, pk=passkey_id).first()
        if passkey is None:
            raise NotFound("This passkey does not exist any more.")
        remove_factor(user, passkey, KIND)


def ask_for_passkey(user: User, host: str) -> tuple[Options, Challenge] | None:
    """Begin to prove one of the user's passkeys; none for a user without any."""
    credentials = _credentials(passkeys_of(user))
    if not credentials:
        return None
    options, challenge = _server(host).authenticate_begin(credentials, UserVerificationRequirement.PREFERRED)
    return dict(options.public_key), challenge


def prove_passkey(*, user: User, answer: Answer, now: datetime.datetime) -> None:
    """Check the second step of a login in two steps. Raises InvalidSecondFactor, or RateLimited after many failures."""
    with one_try(user, now):
        if not _is_proved(user, answer, now):
            raise InvalidSecondFactor("The passkey could not be checked. Try again.")


def _is_proved(user: User, answer: Answer, now: datetime.datetime) -> bool:
    passkeys = passkeys_of(user)
    try:
        challenge, parsed = _parsed(answer)
        response = AuthenticationResponse.from_dict(parsed)
        credential = _server(answer.host).authenticate_complete(challenge, _credentials(passkeys), response)
        sign_count = response.response.authenticator_data.counter
    except _MALFORMED:
        return False
    passkey = next(each for each in passkeys if each.credential_id == websafe_encode(credential.credential_id))
    # A counter that does not grow is that of a copy (WebAuthn section 6.1.1). Passkeys that sync stay at 0.
    if sign_count <= passkey.sign_count and (sign_count, passkey.sign_count) != (0, 0):
        return False
    unchanged = Passkey.objects.filter(pk=passkey.pk, sign_count=passkey.sign_count)
    return bool(unchanged.update(sign_count=sign_count, last_used_at=now))


def _require_usable(credential: AttestedCredentialData, algorithms: Collection[int]) -> None:
    """Raise an error of a malformed answer for a key with which nobody could sign in again."""
    key = credential.public_key
    is_large = key.get(_KIND) == _RSA and len(key[_MODULUS]) > RSA_BYTES_MAX
    if is_large or len(credential.credential_id) > CREDENTIAL_ID_BYTES_MAX or key.get(_ALGORITHM) not in algorithms:
        raise ValueError("too large, or of an algorithm that was not offered")
    with contextlib.suppress(InvalidSignature):  # as has to be: the key itself is read before
        key.verify(b"", bytes(64))


def _server(host: str) -> Fido2Server:
    site = PublicKeyCredentialRpEntity(id=host, name="Tandem")

    def is_ours(origin: str) -> bool:
        """Return whether it is this very host: the protocol would accept its subdomains too."""
        without_port = origin.removeprefix("https://").removeprefix("http://").partition(":")[0]
        return without_port == host and verify_rp_id(host, origin)

    return Fido2Server(site, AttestationConveyancePreference.NONE, is_ours)


def _parsed(answer: Answer) -> tuple[Challenge, dict[str, Any]]:
    parsed = json.loads(answer.text) if len(answer.text) <= ANSWER_MAX else None
    if answer.challenge is None or not isinstance(parsed, dict):
        raise ValueError("no answer of an authenticator")
    return answer.challenge, parsed


def _credentials(passkeys: Iterable[Passkey]) -> list[AttestedCredentialData]:
    return [AttestedCredentialData(bytes(passkey.credential)) for passkey in passkeys]


def _insert(passkey: Passkey, credential: AttestedCredentialData) -> None:
    passkey.credential, passkey.credential_id = bytes(credential), websafe_encode(credential.credential_id)
    try:
        with transaction.atomic():
            passkey.save(force_insert=True)
    except IntegrityError as error:
        raise Duplicate("credential", "This passkey was added before.") from error
