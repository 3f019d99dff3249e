"""How mails are sent: what `EMAIL_URL` and the addresses of pages may say, and one mail through a real SMTP server."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.mail import EmailMessage, mailers

from cms.environment import Environment
from cms.models import User
from cms.services.mails import send_email_verification

PAGE = "https://example.org/verify?t={token}"


def mailer(value: str) -> dict[str, Any]:
    return Environment({"EMAIL_URL": value}).mailer("EMAIL_URL", default="console:")


def test_mails_are_printed_unless_said_otherwise() -> None:
    assert mailer("") == mailer("console:") == {"BACKEND": "cms.outgoing.printed.EmailBackend"}


@pytest.mark.parametrize(
    ("url", "port", "use_tls", "use_ssl"),
    [
        ("smtp://mail.example", 25, False, False),
        ("smtp+tls://mail.example/", 587, True, False),
        ("smtps://mail.example", 465, False, True),
        ("smtp+tls://mail.example:2525", 2525, True, False),
    ],
)
def test_an_smtp_server(url: str, port: int, use_tls: bool, use_ssl: bool, settings: Any) -> None:
    settings.MAILERS = {"default": mailer(url)}
    backend: Any = mailers.default
    assert (backend.host, backend.port, backend.use_tls, backend.use_ssl) == ("mail.example", port, use_tls, use_ssl)
    assert (backend.username, backend.password, backend.timeout) == ("", "", 10)


@pytest.mark.parametrize(("admin_url", "found"), [("", {"cms.W004"}), ("https://cms.example.org/admin/", set())])
def test_a_deployment_is_warned_whose_mails_lead_to_the_host_of_the_request(
    settings: Any, admin_url: str, found: set[str]
) -> None:
    settings.ADMIN_URL = admin_url
    settings.MAILERS = {"default": mailer("smtp://mail.example")}
    assert {message.id for message in run_checks(tags=["mail"], include_deployment_checks=True)} == found


def test_user_and_password_are_unescaped() -> None:
    options = mailer("smtps://me%40example.org:p%3Aw%2F@mail.example")["OPTIONS"]
    assert (options["username"], options["password"]) == ("me@example.org", "p:w/")


@pytest.mark.parametrize(
    "value",
    [
        "console",
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://h:x",
        "smtp://h/path",
        "smtp://u:hunter2@h?a=b",
    ],
)
def test_what_is_no_mailer_is_shown_without_its_password(value: str) -> None:
    with pytest.raises(SystemExit) as caught:
        mailer(value)
    assert str(caught.value).startswith("EMAIL_URL=")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["https://a.example/", "/reset?{token}", "ftp://a/{token}", "http://a/{token}{token}"]
)
def test_what_is_no_page_of_a_token(value: str) -> None:
    with pytest.raises(SystemExit, match="EMAIL_VERIFICATION_URL="):
        Environment({"EMAIL_VERIFICATION_URL": value}).url_with_token("EMAIL_VERIFICATION_URL")


class Receiving(socketserver.StreamRequestHandler):
    """The least of RFC 5321 that takes a mail."""

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline():
            command = line[:4].upper()
            if command == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = list(iter(self.rfile.readline, b".\r\n"))
                self.server.received.append(b"".join(lines))  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if command == b"QUIT" else b"250 ok\r\n")
            if command == b"QUIT":
                return


@pytest.fixture
def smtp() -> Iterator[Any]:
    with socketserver.TCPServer(("127.0.0.1", 0), Receiving) as server:
        server.received = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_mail_goes_out_by_smtp(smtp: Any, make_user: Callable[..., User], settings: Any) -> None:
    settings.MAILERS = {"default": mailer(f"smtp://127.0.0.1:{smtp.server_address[1]}")}
    settings.DEFAULT_FROM_EMAIL, settings.EMAIL_VERIFICATION_URL = "Site <noreply@example.org>", PAGE
    mia = make_user(username="mia")
    assert send_email_verification.call(str(mia.pk)) is True
    message = message_from_bytes(smtp.received[0])
    assert (message["From"], message["To"]) == ("Site <noreply@example.org>", "mia@example.org")
    assert "https://example.org/verify?t=" in str(message.get_payload(decode=True))
    User.objects.update(email_verified=True)
    assert send_email_verification.call(str(mia.pk)) is False
    assert len(smtp.received) == 1


def test_a_printed_mail_shows_long_links_whole(capsys: pytest.CaptureFixture[str], settings: Any) -> None:
    settings.MAILERS = {"default": mailer("")}
    link = f"https://example.org/{'a' * 200}="
    EmailMessage("Hello", f"Open {link}\n", "from@example.org", ["to@example.org"]).send()
    printed = capsys.readouterr().out
    assert f"Open {link}\n" in printed
    assert "To: to@example.org" in printed
