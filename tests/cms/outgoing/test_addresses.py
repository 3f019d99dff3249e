"""The guard against requests to addresses that are not public."""

import asyncio
import ipaddress

import pytest

from cms.outgoing.addresses import AddressRefused, is_public_address, resolve_public

PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
REFUSED = {
    "this network": ["0.0.0.0", "0.1.2.3", "::"],
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1", "fc00::1", "fec0::1"],
    "carriers": ["100.64.0.1", "100.127.255.255"],
    "link-local": ["169.254.0.1", "169.254.169.254", "fe80::1", "fe80::1%eth0"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "203.0.113.1", "2001:db8::1", "100::1"],
    "mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"],
    "compatible": ["::127.0.0.1", "::10.0.0.1"],
    "translated": ["64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1"],
    "tunnelled": ["2002:7f00:1::", "2002:a00:1::1", "2001::1", "192.88.99.1"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address: str) -> None:
    assert is_public_address(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", [address for row in REFUSED.values() for address in row])
def test_any_other_address_is_refused(address: str) -> None:
    assert not is_public_address(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "::1", "::ffff:127.0.0.1"],
)
def test_no_way_of_writing_the_loopback_address_gets_through(host: str) -> None:
    with pytest.raises(AddressRefused):
        asyncio.run(resolve_public(host, 80, is_private_allowed=False))


def test_one_private_address_among_public_ones_refuses_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("8.8.8.8", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        asyncio.run(resolve_public("two.example", 80, is_private_allowed=False))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example", "\udcff.example"])
def test_a_host_that_can_not_be_resolved_is_refused_with_a_sentence(host: str) -> None:
    with pytest.raises(AddressRefused, match="could not be resolved"):
        asyncio.run(resolve_public(host, 80, is_private_allowed=False))
