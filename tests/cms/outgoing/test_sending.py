"""Sending signed messages to a real server: the signature, the deadline, and the address that was checked."""

import base64
import hashlib
import hmac
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cms.outgoing.calls import HEAD_BYTES_MAX, tls
from cms.outgoing.sending import Answer, Message, send_each, sign
from tests.receivers import CUT, HANG, Receiver, receiving
from tests.stalls import fair_time

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def message(url: str) -> Message:
    return Message(
        url=url, secret=SECRET, message_id="msg_1", timestamp=1_700_000_000, payload={"type": "post.created"}
    )


def send_all(messages: list[Message], *, timeout_s: float, is_private_allowed: bool) -> list[Answer]:
    answers = dict(send_each(messages, timeout_s=timeout_s, is_private_allowed=is_private_allowed))
    return [answers[index] for index in range(len(messages))]


def send(url: str, *, timeout_s: float = 5, is_private_allowed: bool = True) -> Answer:
    return send_all([message(url)], timeout_s=timeout_s, is_private_allowed=is_private_allowed)[0]


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_can_verify_what_it_got_with_the_secret_alone(receiver: Receiver) -> None:
    assert send(receiver.url) == Answer(204)
    [got] = receiver.requests
    signed = b".".join([got.headers["webhook-id"].encode(), got.headers["webhook-timestamp"].encode(), got.body])
    key = base64.b64decode(SECRET[len("whsec_") :])
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    assert got.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    answer = send(receiver.url)
    assert (answer.status, answer.is_success, len(receiver.requests)) == (status, False, 1)


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_an_error_status_is_a_failure(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    assert send(receiver.url) == Answer(status, f"The receiver answered {status}.")


def test_no_answer_in_time_and_a_cut_connection_are_failures(receiver: Receiver) -> None:
    receiver.answers = [HANG, CUT]
    assert send(receiver.url, timeout_s=0.3) == Answer(None, "No answer within 0.3 seconds.")
    assert "RemoteProtocolError" in send(receiver.url).error


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://[::1", "http://127.0.0.1:99999/", "gopher://127.0.0.1/"]
)
def test_a_url_that_leads_nowhere_is_a_failure(url: str) -> None:
    assert send(url).status is None


def test_a_private_address_is_not_even_connected_to(receiver: Receiver) -> None:
    assert "not a public address" in send(receiver.url, is_private_allowed=False).error
    assert receiver.requests == []


def test_it_connects_to_the_address_that_was_checked_under_the_name_of_the_url(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that gives another address the second time is never asked a second time."""
    asked: list[Any] = []
    resolve = socket.getaddrinfo

    def answer(host: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(host)
        return resolve("127.0.0.1" if asked.count("hooks.example") == 1 else "192.0.2.1", *args, **kwargs)

    monkeypatch.setattr("socket.getaddrinfo", answer)
    assert send(f"http://hooks.example:{receiver.port}/path?a=b").is_success
    assert asked.count("hooks.example") == 1
    assert receiver.requests[0].headers["host"] == f"hooks.example:{receiver.port}"


def test_the_environments_proxy_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert send(receiver.url).is_success


def drip(listener: socket.socket, text: bytes, ended: threading.Event) -> None:
    """Answers one connection, a byte at a time for ever."""
    connection, _ = listener.accept()
    with connection:
        try:
            connection.sendall(text)
            while not ended.wait(0.05):
                connection.sendall(text)
        except OSError:
            return


@pytest.mark.parametrize("text", [b"x", b"HTTP/1.1 200 OK\r\n\r\n" + b"y" * 100_000])
def test_a_receiver_that_never_comes_to_an_end_can_not_hold_the_worker(text: bytes) -> None:
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener, text[:1] if len(text) == 1 else text, ended))
        thread.start()
        began = fair_time()
        answer = send(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout_s=2)
        ended.set()
        thread.join()
    assert fair_time() - began < 5
    assert answer.is_success == (len(text) > 1)


@pytest.mark.parametrize("status", [b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 200 OK\r\n"])
def test_a_head_without_end_is_read_no_further_than_its_bound(status: bytes) -> None:
    """A row of 103s, or of headers: unbounded it took the whole time of the worker, and so that of other receivers."""
    row = status if status.endswith(b"\r\n\r\n") else b"x: y\r\n"
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        text = status + row * (HEAD_BYTES_MAX // len(row) + 1)
        thread = threading.Thread(target=drip, args=(listener, text, ended))
        thread.start()
        answer = send(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout_s=60)
        ended.set()
        thread.join()
    assert answer == Answer(None, f"ReadError: {HEAD_BYTES_MAX} bytes came before the status.")


def test_a_slow_receiver_does_not_hold_up_the_others(receiver: Receiver) -> None:
    """The answer of the one that is quick comes while the others are still awaited."""
    receiver.answers = [HANG] * 3
    answers = send_each([message(receiver.url)] * 4, timeout_s=600, is_private_allowed=True)
    assert next(answers)[1].is_success
    receiver.closing.set()  # not before that do the others come to an end
    assert [answer.is_success for _, answer in answers] == [False] * 3


def test_those_who_never_answer_are_waited_for_together(receiver: Receiver) -> None:
    receiver.answers = [HANG] * 8
    began = fair_time()
    answers = send_each([message(receiver.url)] * 8, timeout_s=1, is_private_allowed=True)
    assert [answer.is_success for _, answer in answers] == [False] * 8
    assert fair_time() - began < 5  # one after the other it would be eight


def test_a_name_server_that_does_not_answer_can_not_hold_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    resolve = socket.getaddrinfo

    def answer_late(*args: Any, **kwargs: Any) -> Any:
        answered.wait(30)
        return resolve("127.0.0.1", *args[1:], **kwargs)

    monkeypatch.setattr("socket.getaddrinfo", answer_late)
    began = fair_time()
    try:
        assert send("http://hooks.example/", timeout_s=0.2) == Answer(None, "No answer within 0.2 seconds.")
        assert fair_time() - began < 10
    finally:
        answered.set()


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[int, Path, list[str]]]:
    """A server with a certificate of hooks.example: its port, the certificate, and the server names it was asked for."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is needed to make a certificate")
    certificate, key, names = tmp_path / "cert.pem", tmp_path / "key.pem", []
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=hooks.example", "-addext", "subjectAltName=DNS:hooks.example", "-days", "2"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    # It reads each request to its end: whoever closes a connection with bytes unread resets it, and the answer is lost.
    with receiving(context) as running:
        yield running.port, certificate, names


def test_tls_names_the_host_and_checks_its_certificate_though_it_connects_to_an_address(
    tls_server: tuple[int, Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, certificate, names = tls_server
    resolve = socket.getaddrinfo
    monkeypatch.setattr("socket.getaddrinfo", lambda host, *args, **kw: resolve("127.0.0.1", *args, **kw))
    tls.cache_clear()
    assert "CERTIFICATE_VERIFY_FAILED" in send(f"https://hooks.example:{port}/").error
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls.cache_clear()
    assert send(f"https://hooks.example:{port}/").is_success
    assert "match" in send(f"https://other.example:{port}/").error
    assert names == ["hooks.example", "hooks.example", "other.example"]
    tls.cache_clear()
