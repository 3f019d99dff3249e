"""A real OpenID Connect provider on loopback, with keys of its own, that signs everybody in and lies when it is told to.

The key of the whole test session is made once: RSA takes its time.
"""

import base64
import contextlib
import functools
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT_ID, CLIENT_SECRET = "tandem", "s3cret:with/signs"
DISCOVERY, AUTHORIZE, TOKEN, KEYS = "/.well-known/openid-configuration", "/authorize", "/token", "/keys"
WAIT_S = 60
"""A slow document comes when the provider is closed; this bounds what hangs."""


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@functools.cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_pem() -> bytes:
    return rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass
class Provider:
    issuer: str
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "mia-1"})
    """Of whom it signs in, over those of an honest token; None leaves one out."""
    sign: Callable[[dict[str, Any]], str] | None = None
    """In the place of RS256."""
    jwks: list[dict[str, Any]] | None = None
    discovery: dict[str, Any] = field(default_factory=dict)
    """Over what it says of itself."""
    answers: dict[str, Callable[["Handler"], None]] = field(default_factory=dict)
    """By path, in the place of its own."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """The paths, in order."""
    closing: threading.Event = field(default_factory=threading.Event)

    def token_for(self, nonce: str) -> str:
        now = int(time.time())
        honest = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce}
        claims = {name: value for name, value in {**honest, **self.claims}.items() if value is not None}
        return self.sign(claims) if self.sign else jwt.encode(claims, rsa_key(), "RS256", headers={"kid": "rsa"})

    def public_keys(self) -> list[dict[str, Any]]:
        if self.jwks is not None:
            return self.jwks
        return [
            {**RSAAlgorithm.to_jwk(rsa_key().public_key(), as_dict=True), "kid": "rsa", "use": "sig", "alg": "RS256"},
            {**ECAlgorithm.to_jwk(ec_key().public_key(), as_dict=True), "kid": "ec", "use": "sig", "alg": "ES256"},
        ]


@contextlib.contextmanager
def providing() -> Iterator[Provider]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    # A name of its own, too: what is known of an issuer is kept for minutes, and ports come again.
    issuer = f"http://127.0.0.1:{server.server_port}/realms/{secrets.token_hex(4)}"
    provider = server.provider = Provider(issuer)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        provider.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    @property
    def provider(self) -> Provider:
        provider: Provider = self.server.provider  # type: ignore[attr-defined]
        return provider

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = urlsplit(self.path).path.removeprefix(urlsplit(self.provider.issuer).path)
        own = {DISCOVERY: Handler.discover, AUTHORIZE: Handler.authorize, TOKEN: Handler.give_token, KEYS: Handler.keys}
        self.provider.asked.append(path)
        (self.provider.answers.get(path) or own[path])(self)

    def discover(self) -> None:
        issuer = self.provider.issuer
        said = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}{AUTHORIZE}",
            "token_endpoint": f"{issuer}{TOKEN}",
            "jwks_uri": f"{issuer}{KEYS}",
        }
        self.send_json({**said, **self.provider.discovery})

    def authorize(self) -> None:
        """Sign in without a question, and lead back with a code."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        expected = {"response_type": "code", "client_id": CLIENT_ID, "code_challenge_method": "S256"}
        assert expected.items() <= asked.items()
        assert {"openid", "email"} <= set(asked["scope"].split())
        code = secrets.token_urlsafe(16)
        self.provider.codes[code] = asked
        self.redirect(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    def give_token(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self.body()).items()}
        asked = self.provider.codes.pop(form.get("code", ""), None)
        if asked is None or self.client(form) != (CLIENT_ID, CLIENT_SECRET) or not _is_proved(form, asked):
            self.send_json({"error": "invalid_grant"}, status=400)
            return
        self.send_json(
            {"token_type": "Bearer", "access_token": "x", "id_token": self.provider.token_for(asked["nonce"])}
        )

    def client(self, form: dict[str, str]) -> tuple[str, str]:
        if "token_endpoint_auth_methods_supported" in self.provider.discovery:
            return form.get("client_id", ""), form.get("client_secret", "")
        name, _, secret = base64.b64decode(self.headers["authorization"].removeprefix("Basic ")).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)

    def keys(self) -> None:
        self.send_json({"keys": self.provider.public_keys()})

    def body(self) -> str:
        return self.rfile.read(int(self.headers.get("content-length", 0))).decode()

    def redirect(self, url: str) -> None:
        self.send_response(302)
        self.send_header("location", url)
        self.send_header("content-length", "0")
        self.end_headers()

    def send_json(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing: the tests' output stays readable."""


def _is_proved(form: dict[str, str], asked: dict[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return form.get("redirect_uri") == asked["redirect_uri"] and challenge == asked["code_challenge"]


# -- lies -------------------------------------------------------------------------------------------------------------


def unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, "none")


def by_the_public_key(claims: dict[str, Any]) -> str:
    """An HMAC whose key anybody can read: PyJWT refuses to make it."""
    parts = [{"alg": "HS256", "typ": "JWT", "kid": "rsa"}, claims]
    signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = hmac.digest(public_pem(), signed, hashlib.sha256)
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def by_another_key(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"kid": "ec"})


def without_a_kid(claims: dict[str, Any]) -> str:
    """No lie either, where there is one key."""
    return jwt.encode(claims, rsa_key(), "RS256")


def by_an_elliptic_curve(claims: dict[str, Any]) -> str:
    """No lie: the other algorithm that is allowed."""
    return jwt.encode(claims, ec_key(), "ES256", headers={"kid": "ec"})


def hang(handler: Handler) -> None:
    handler.provider.closing.wait(WAIT_S)
    handler.close_connection = True


def never_end(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    with contextlib.suppress(OSError):
        while not handler.provider.closing.is_set():
            handler.wfile.write(b" " * 65_536)


def lead_elsewhere(handler: Handler) -> None:
    handler.body()
    handler.redirect(f"{handler.provider.issuer}{KEYS}")


def say(value: Any) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.body()
        handler.send_json(value)

    return answer
