"""The proxy of docs/guides/vps.md in a real nginx, with its certificate, names and the file that an upgrade makes."""

import datetime
import http.client
import re
import shutil
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.deploy.proxies import Proxy, started
from tests.deploy.tools import ROOT, run
from tests.servers import HOST

FOLDER: Final = ROOT / "deploy/nginx"
SITE: Final = FOLDER / "vps/tandem.conf"
NAME: Final = "cms.example.org"
RULE: Final = FOLDER / "vps/connections.nft"
CONNECT: Final = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
server = socket.socket(family)
server.bind((sys.argv[1], 80))
server.listen(1000)
clients = [socket.socket(family) for _ in range(300)]
print(sum(client.connect_ex((sys.argv[1], 80)) == 0 for client in clients))
"""


def write_certificate(folder: Path) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
    )
    (folder / "fullchain.pem").write_bytes(signed.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def write_vps(folder: Path, ports: Mapping[str, int]) -> None:
    """Write the shipped files with ports and folders of this test."""
    write_certificate(folder)
    shared = folder / "tandem"
    shutil.copytree(FOLDER / "tandem", shared)
    server = (shared / "server.conf").read_text().replace("/run/tandem/", f"{folder}/")
    (shared / "server.conf").write_text(server)
    text = (
        SITE.read_text().replace("conf.d/", f"{folder}/").replace("/var/log/nginx/tandem.log", f"{folder}/access.log")
    )
    text = text.replace(f"/etc/letsencrypt/live/{NAME}", str(folder)).replace("/var/www/html", str(folder))
    text = re.sub(r"(?m)^ *listen \[::\].*\n", "", text)
    for shipped, name in (("listen 80", "plain"), ("listen 443", "nginx")):
        text = re.sub(rf"{shipped}\b", f"listen {HOST}:{ports[name]}", text)
    for port, name in ((8001, "web-1"), (8002, "web-2")):
        text = text.replace(f"{HOST}:{port}", f"{HOST}:{ports[name]}")
    (folder / "site.conf").write_text(text)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with started(write_vps, "plain") as found:
        yield found


def ask(proxy: Proxy, method: str, target: str, body: bytes = b"") -> int:
    trusted = ssl.create_default_context(cafile=str(proxy.folder / "fullchain.pem"))
    plain = socket.create_connection((HOST, proxy.port), timeout=30)
    with trusted.wrap_socket(plain, server_hostname=NAME) as connection:
        asked = http.client.HTTPConnection(NAME)
        asked.sock = connection
        asked.request(method, target, body)
        with asked.getresponse() as answer:
            return answer.status


def test_requests_arrive_with_what_the_proxy_knows_of_them(proxy: Proxy) -> None:
    assert ask(proxy, "GET", "/metrics") == 404
    assert [ask(proxy, "POST", "/files", b"x" * 2_000_000) for _ in range(3)] == [200] * 3
    headers, size = proxy.web.got[-1]
    assert (headers["Host"], headers["X-Forwarded-Proto"], headers["X-Forwarded-For"]) == (NAME, "https", HOST)
    assert size == 2_000_000
    assert proxy.logged(4)[-1] == "POST /files"


def test_a_process_that_is_left_out_gets_nothing(proxy: Proxy) -> None:
    (proxy.folder / "without-web-1").touch()
    assert [ask(proxy, "POST", "/") for _ in range(4)] == [502] * 4
    assert proxy.web.asked == 0
    (proxy.folder / "without-web-1").unlink()
    (proxy.folder / "without-web-2").touch()
    assert [ask(proxy, "POST", "/") for _ in range(4)] == [200] * 4


def test_plain_requests_go_to_https_and_proofs_of_certbot_are_found(proxy: Proxy) -> None:
    proofs = proxy.folder / ".well-known/acme-challenge"
    proofs.mkdir(parents=True)
    (proofs / "proof").write_text("proved")
    connection = http.client.HTTPConnection(HOST, proxy.ports["plain"], timeout=30)
    connection.request("GET", "/.well-known/acme-challenge/proof", headers={"Host": NAME})
    assert connection.getresponse().read() == b"proved"
    connection.request("GET", "/posts?page=2", headers={"Host": NAME})
    moved = connection.getresponse()
    assert (moved.status, moved.headers["Location"]) == (301, f"https://{NAME}/posts?page=2")
    connection.close()


def test_other_names_get_no_answer(proxy: Proxy) -> None:
    with socket.create_connection((HOST, proxy.port), timeout=30) as plain, pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(plain, server_hostname="other.example.org")
    with socket.create_connection((HOST, proxy.ports["plain"]), timeout=30) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: other.example.org\r\n\r\n")
        assert plain.recv(100) == b""


def test_nginx_takes_the_example_of_the_operators_guide(tmp_path: Path) -> None:
    guide = (ROOT / "docs/operations.md").read_text()
    [example] = re.findall(r"^```nginx\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    write_certificate(tmp_path)
    (tmp_path / "cms.conf").write_text("ssl_certificate fullchain.pem; ssl_certificate_key privkey.pem;")
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ {example} }}")
    done = run("nginx", "-t", "-p", tmp_path, "-e", tmp_path / "log", "-c", tmp_path / "nginx.conf")
    assert done.returncode == 0, done.stderr


def test_nginx_takes_the_shipped_file_with_the_upstreams_of_staging(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    site = SITE.read_text().replace("conf.d/", f"{FOLDER}/").replace(f"/etc/letsencrypt/live/{NAME}", str(tmp_path))
    (tmp_path / "site.conf").write_text(site.replace("/var/log/nginx", str(tmp_path)))
    main = f"pid {tmp_path}/pid; events {{}} http {{ include {tmp_path}/site.conf; }}"
    (tmp_path / "nginx.conf").write_text(main)
    done = run("nginx", "-t", "-p", tmp_path, "-e", tmp_path / "log", "-c", tmp_path / "nginx.conf")
    assert done.returncode == 0, done.stderr
    own, staging = (
        re.findall(r"server [^;{]+;", path.read_text().replace(web_1, "1").replace(web_2, "2"))
        for path, web_1, web_2 in (
            (SITE, "127.0.0.1:8001", "127.0.0.1:8002"),
            (FOLDER / "staging.conf", "web-1:8000", "web-2:8000"),
        )
    )
    assert own == staging


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_address_has_so_many_connections_as_the_shipped_rule_says(address: str) -> None:
    """In a network of its own, so that no other test meets the rule."""
    run("nft", "--version")
    if (network := run("unshare", "--net", "nft", "list", "tables")).returncode != 0:
        pytest.skip(f"Only root makes a network, where the kernel has nftables: {network.stderr}")
    rule = f"ip link set lo up && nft -f {RULE}"
    done = run("unshare", "--net", "sh", "-c", f"{rule} && {sys.executable} -c '{CONNECT}' {address}")
    assert done.stdout.split() == ["256"], done.stderr
