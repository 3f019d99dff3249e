"""Parsers for environment variables: text in, a checked value out, or one sentence and the end of the process.

Knows nothing of Django and never reads `os.environ` itself; `cms/settings.py` passes the text in.
"""

import ipaddress
import os
import re
import sqlite3
import sys
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
ORIGIN = re.compile(r"https?://(?:\*\.)?(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)
SMTP_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
SMTP_TIMEOUT_S = 10
ISSUER = re.compile(r"https?://[^/\s?#@]+(/[^\s?#]*)?")
NOTICES = ("step", "hold", "rollback", "lifecycle", "unguarded", "guarded", "approval")
NOTICE_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
PERCENTAGE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?", re.ASCII)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def refuse(name: str, value: str, allowed: str) -> NoReturn:
    """End the process with one line on stderr naming the variable, its value and what is allowed (exit 1)."""
    sys.exit(f"{name}={value!r} is not valid: {allowed}.")


@dataclass(frozen=True)
class Environment:
    """A view of the process environment in which an empty variable counts as an absent one."""

    values: Mapping[str, str]

    def text(self, name: str, default: str = "") -> str:
        return self.values.get(name) or default

    def boolean(self, name: str, default: bool) -> bool:
        value = self.text(name)
        if not value:
            return default
        if value.lower() not in BOOLEANS:
            refuse(name, value, "use true, false, 1 or 0")
        return BOOLEANS[value.lower()]

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in allowed:
            refuse(name, value, f"use {' or '.join(allowed)}")
        return value

    def integer(self, name: str, default: int, minimum: int, maximum: int) -> int:
        value = self.text(name)
        if not value:
            return default
        allowed = f"use a whole number from {minimum} to {maximum}"
        if not (value.isascii() and value.isdigit()) or len(value) > 12:
            refuse(name, value, allowed)
        if not minimum <= int(value) <= maximum:
            refuse(name, value, allowed)
        return int(value)

    def factor(self, name: str, default: float, minimum: float, maximum: float) -> float:
        """Return a number with up to two decimals, such as 1.5."""
        value = self.text(name)
        if not value:
            return default
        if not PERCENTAGE.fullmatch(value) or not minimum <= float(value) <= maximum:
            refuse(name, value, f"use a number from {minimum:g} to {maximum:g} with up to two decimals")
        return float(value)

    def words(self, name: str, default: tuple[str, ...] = ()) -> list[str]:
        """Return a comma-separated list; blanks around an item and empty items are dropped."""
        value = self.text(name)
        return [word.strip() for word in value.split(",") if word.strip()] if value else list(default)

    def networks(self, name: str) -> list[Network]:
        """Return a comma-separated list of addresses or CIDR networks."""
        return [self._network(name, word) for word in self.words(name)]

    def percentage_bp(self, name: str, minimum: int = 0, maximum: int = 10_000) -> int | None:
        """Return a share in percent (0..100, up to two decimals) as basis points 0..10000, None when unset or empty."""
        value = self.text(name)
        if not value:
            return None
        least, most = f"{minimum / 100:g}", f"{maximum / 100:g}"
        allowed = f"use a number from {least} to {most} in plain digits with up to two decimals, such as 12.5"
        if not PERCENTAGE.fullmatch(value):
            refuse(name, value, allowed)
        whole, _, fraction = value.partition(".")
        basis_points = int(whole) * 100 + int(fraction.ljust(2, "0") or 0)
        if not minimum <= basis_points <= maximum:
            refuse(name, value, allowed)
        return basis_points

    def redis_url(self, name: str) -> str:
        value = self.text(name)
        if value and not _is_redis_url(value):
            refuse(name, without_password(value), "use redis://HOST:PORT/DB, rediss://… or unix:///SOCKET?db=0")
        return value

    def origins(self, name: str) -> list[str]:
        """Return a comma-separated list of `https://HOST[:PORT]`, as in an Origin header; `*.` covers subdomains."""
        origins = self.words(name)
        for origin in origins:
            if not ORIGIN.fullmatch(origin):
                refuse(name, origin, "use origins such as https://cms.example.org, separated by commas")
        return origins

    def header_and_value(self, name: str) -> tuple[str, str] | None:
        """Return `HTTP_X_FORWARDED_PROTO,https` as a pair, None when unset."""
        words = self.words(name)
        if not words:
            return None
        if len(words) != 2 or not words[0].startswith("HTTP_"):
            refuse(name, ",".join(words), "use HEADER,VALUE, such as HTTP_X_FORWARDED_PROTO,https")
        return words[0], words[1]

    def database(
        self, name: str, default: str, base: Path, *, prepares: bool = True, pool: Mapping[str, int] | None = None
    ) -> dict[str, Any]:
        """Return Django's settings for `sqlite:///FILE` or `postgresql://…`; a relative FILE stands in `base`.

        `pool` has the options of `cms.db.postgresql.pool.Pool`.
        """
        value = self.text(name, default)
        scheme = value.partition("://")[0]
        if scheme == "sqlite":
            return _sqlite(name, value, base)
        if scheme in ("postgresql", "postgres"):
            return _postgresql(name, value, prepares=prepares, pool=pool)
        refuse(name, without_password(value), "use sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME")

    def mailer(self, name: str, default: str) -> dict[str, Any]:
        """Return an entry of MAILERS: `console:` prints mails, `smtp+tls://USER:PASSWORD@HOST:PORT` sends them."""
        value = self.text(name, default)
        if value == "console:":
            return {"BACKEND": "cms.outgoing.printed.EmailBackend"}
        allowed = "use console:, smtp://, smtp+tls:// (STARTTLS) or smtps://USER:PASSWORD@HOST:PORT"
        try:
            url = urlsplit(value)
            host, port = url.hostname, url.port
        except ValueError:
            refuse(name, without_password(value), allowed)
        if url.scheme not in SMTP_PORTS or not host or url.path not in ("", "/") or url.query or url.fragment:
            refuse(name, without_password(value), allowed)
        return {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": _smtp(url, host, port)}

    def url_with_token(self, name: str) -> str:
        """Return a page's address in which `{token}` stands for the token of a mail; empty when unset."""
        value = self.text(name)
        if value and not (re.match(r"https?://[^/\s]", value) and value.count("{token}") == 1):
            refuse(name, value, "use an address with {token} in it, such as https://example.org/reset?token={token}")
        return value

    def url_of_post(self, name: str) -> str:
        """Return a page's address in which `{slug}` stands for the post's; empty when unset."""
        value = self.text(name)
        if value and not (re.match(r"https?://[^/\s]", value) and value.count("{slug}") == 1):
            refuse(name, value, "use an address with {slug} in it, such as https://example.org/posts/{slug}")
        return value

    def url_of_folder(self, name: str) -> str:
        """Return an address that ends with a slash, which may be left out; empty when unset."""
        value = self.text(name)
        if value and not re.fullmatch(r"https?://[^/\s?#@]+(/[^\s?#]*)?", value):
            refuse(name, value, "use an address without a query, such as https://example.org/admin/")
        return value and f"{value.rstrip('/')}/"

    def issuer(self, name: str, longest: int) -> str:
        """Return the address of an OpenID Connect provider, exactly as its tokens name it; empty when unset."""
        value = self.text(name)
        allowed = (
            f"use https://… without a query, at most {longest} characters; http:// for a provider on this machine alone"
        )
        if value and not (ISSUER.fullmatch(value) and len(value) <= longest and is_encrypted_or_local(value)):
            refuse(name, value, allowed)
        return value

    def share_bp(self, name: str, default: int, minimum: int = 0, maximum: int = 10_000) -> int:
        """Return a share as `percentage_bp` does, `default` in basis points when unset: 0 is a share too."""
        found = self.percentage_bp(name, minimum, maximum)
        return default if found is None else found

    def notice_urls(self, name: str, kinds: tuple[str, ...] = NOTICES) -> dict[str, list[str]]:
        """Return URLs by kind: words such as `rollback+hold=slack://…` with blanks between; no kind means `all`."""
        found: dict[str, list[str]] = {}
        for word in self.text(name).split():
            named, equals, url = word.partition("=")
            if not equals or "://" in named:
                named, url = "all", word
            if not set(named.split("+")) <= {*kinds, "all"} or not NOTICE_URL.fullmatch(url):
                hidden = f"{named}=…" if "://" not in named else "…"
                refuse(name, hidden, f"use KIND+KIND=URL with kinds of {', '.join(kinds)} or all, and blanks between")
            for kind in named.split("+"):
                found.setdefault(kind, []).append(url)
        return found

    def tables(self, name: str, key: str) -> list[dict[str, Any]]:
        """Return the tables `[[key]]` of a TOML file; none when unset."""
        value = self.text(name)
        if not value:
            return []
        try:
            found = tomllib.loads(Path(value).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            refuse(name, value, f"use a TOML file that can be read ({str(error).splitlines()[0]})")
        tables = found.pop(key, [])
        if found or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            refuse(name, value, f"use a TOML file with tables [[{key}]] alone")
        return tables

    def all_or_none(self, *names: str) -> None:
        """End the process where some of these variables are set and others are not."""
        missing = [name for name in names if not self.text(name)]
        if missing and len(missing) < len(names):
            refuse(missing[0], "", f"set {', '.join(names[:-1])} and {names[-1]} together, or none of them")

    @staticmethod
    def _network(name: str, word: str) -> Network:
        try:
            return ipaddress.ip_network(word, strict=False)
        except ValueError:
            refuse(name, word, "use IP addresses or CIDR networks, separated by commas")


def is_encrypted_or_local(url: str) -> bool:
    """Return whether nobody on the way can read a request to it: by https, or without leaving this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # raises for an invalid port
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
    return parts.scheme == "http" and is_loopback


def without_password(url: str) -> str:
    """Return the URL as it may be shown: the text before an @ is a credential, and so is a password in the query."""
    shown = re.sub(r"^([a-z0-9+.-]*:(?://)?)?.*@", r"\1***@", url, flags=re.IGNORECASE | re.DOTALL)
    return re.sub(r"((?:password|pass|secret)\s*=\s*)[^&\s]*", r"\1***", shown, flags=re.IGNORECASE)


def _is_redis_url(value: str) -> bool:
    try:
        url = urlsplit(value)
        _ = url.port  # raises for an invalid port
    except ValueError:
        return False
    if url.scheme == "unix":
        return len(url.path) > 1
    return url.scheme in ("redis", "rediss") and (
        url.path in ("", "/") or re.fullmatch(r"/[0-9]+", url.path) is not None
    )


def _smtp(url: SplitResult, host: str, port: int | None) -> dict[str, Any]:
    return {
        "host": host,
        "port": port or SMTP_PORTS[url.scheme],
        "username": unquote(url.username or ""),
        "password": unquote(url.password or ""),
        "use_tls": url.scheme == "smtp+tls",
        "use_ssl": url.scheme == "smtps",
        "timeout": SMTP_TIMEOUT_S,
    }


class PrivateConnection(sqlite3.Connection):
    """A connection to a file that its owner alone can read: it holds session keys and password hashes."""

    def __init__(self, database: str, *args: Any, **kwargs: Any) -> None:
        if not database.startswith(("file:", ":memory:")):
            make_private_file(Path(database))
        super().__init__(database, *args, **kwargs)


def make_private_file(path: Path) -> None:
    """Make an empty file unless there is one. SQLite gives its `-wal` and `-shm` files the same mode."""
    with suppress(OSError):  # there is one, or SQLite says what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _sqlite(name: str, value: str, base: Path) -> dict[str, Any]:
    path = unquote(value.removeprefix("sqlite://"))
    if not path.startswith("/") or len(path) < 2 or "?" in path:
        refuse(name, without_password(value), "use sqlite:///FILE, with four slashes for an absolute path")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(base / path[1:]),
        # Kept open: opening a file, setting pragmas and registering Django's functions cost more than most queries.
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            "factory": PrivateConnection,
            # DEFERRED lets two readers both ask for the write lock; then one fails at once, with any timeout.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON",
        },
    }


def _postgresql(name: str, value: str, *, prepares: bool, pool: Mapping[str, int] | None) -> dict[str, Any]:
    allowed = "use postgresql://USER:PASSWORD@HOST:PORT/NAME"
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        refuse(name, without_password(value), allowed)
    options: dict[str, Any] = dict(parse_qsl(url.query))
    if len(url.path) < 2:
        refuse(name, without_password(value), allowed)
    return {
        "ENGINE": "cms.db.postgresql",
        "NAME": unquote(url.path[1:]),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": options.pop("host", unquote(url.hostname or "")),
        "PORT": str(port or options.pop("port", "")),
        # A host that swallows packets is given up after 2 s (libpq's minimum). The kernel knows at once of a host that
        # is down.
        "OPTIONS": {
            "pool": dict(pool or {}) or True,
            "connect_timeout": 2,
            "tcp_user_timeout": 5_000,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            # A statement that `prepared_cursor` has run so often on a connection gets a kept plan; Django's cursors
            # never prepare.
            "prepare_threshold": 2 if prepares else None,
            **options,
        },
    }
