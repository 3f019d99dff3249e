"""Second factors in the hands of a user: an authenticator app, set up through the services, and a passkey in software."""

import base64
import datetime
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256, CoseKey
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from cms.models import User
from cms.services.proofs import Proof
from cms.services.second_factors.apps import confirm_app, offer_app
from cms.services.second_factors.passkeys import Answer, add_passkey, offer_passkey
from cms.tokens.second_factors import STEP_S, code_at

HOST = "testserver"


@dataclass(frozen=True)
class App:
    secret: str
    recovery_codes: list[str]

    def code(self, now: datetime.datetime) -> str:
        return code_at(base64.b32decode(self.secret), int(now.timestamp()) // STEP_S)


def set_up_app(user: User, now: datetime.datetime) -> App:
    proof = Proof.of(user, now)
    offered = App(offer_app(user=user, proof=proof, now=now).secret, [])
    return App(offered.secret, confirm_app(user=user, code=offered.code(now), proof=proof, now=now))


@dataclass
class SoftKey:
    """Answers as a browser with an authenticator would (WebAuthn level 2); `counter` None is a passkey that syncs."""

    host: str = HOST
    counter: int | None = 1
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    told: dict[int, Any] = field(default_factory=dict)
    """Parameters that replace those of the real public key (RFC 9052 section 7)."""

    def create(self, options: dict[str, Any], origin: str = "") -> str:
        public_key = CoseKey.parse({**ES256.from_cryptography_key(self.key.public_key()), **self.told})
        credential = AttestedCredentialData.create(bytes(16), self.credential_id, public_key)
        data = self._data(AuthenticatorData.FLAG.AT, credential)
        attestation = AttestationObject.create("none", data, {})
        client_data = self._client_data("webauthn.create", options, origin)
        return self._as_json(clientDataJSON=client_data, attestationObject=attestation)

    def get(self, options: dict[str, Any], origin: str = "") -> str:
        if self.counter is not None:
            self.counter += 1
        data, client_data = self._data(0), self._client_data("webauthn.get", options, origin)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._as_json(clientDataJSON=client_data, authenticatorData=data, signature=signature)

    def _data(self, flags: int, credential: Any = b"") -> AuthenticatorData:
        here = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV
        rp_id_hash = hashlib.sha256(self.host.encode()).digest()
        data: AuthenticatorData = AuthenticatorData.create(rp_id_hash, here | flags, self.counter or 0, credential)
        return data

    def _client_data(self, kind: str, options: dict[str, Any], origin: str) -> CollectedClientData:
        challenge = websafe_decode(options["challenge"])
        return CollectedClientData.create(kind, challenge, origin or f"https://{self.host}")

    def _as_json(self, **parts: bytes) -> str:
        known = websafe_encode(self.credential_id)
        response = {name: websafe_encode(bytes(part)) for name, part in parts.items()}
        return json.dumps({"id": known, "rawId": known, "type": "public-key", "response": response})


def set_up_passkey(user: User, now: datetime.datetime, key: SoftKey, name: str = "Blue key") -> list[str]:
    proof = Proof.of(user, now)
    options, challenge = offer_passkey(user=user, host=HOST, proof=proof, now=now)
    answer = Answer(key.create(json.loads(json.dumps(options))), challenge, HOST)
    return add_passkey(user=user, name=name, answer=answer, proof=proof, now=now)
