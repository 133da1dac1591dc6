"""No notation of an address that isn't public gets past."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch_gateway.webhooks.addresses import may_connect, parse_networks
from beatstitch_gateway.webhooks.urls import MAX_URL, parse_url

PRIVATE = [
    "0.0.0.0",  # noqa: S104 - not to be listened at
    *("10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"),
    *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1"),
    *("198.18.0.1", "192.0.2.1", "203.0.113.7", "224.0.0.1", "239.1.2.3", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16", "192.88.99.1"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1"),
    *("::ffff:10.0.0.1", "::ffff:8.8.8.8", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b::808:808"),
    *("64:ff9b:1::a00:1", "2002:a00:1::", "2001:0:1::", "2001:db8::1", "3fff::1", "100::1"),
    *("5f00::1", "4000::1"),
]
PRIVATE_V4 = [
    network
    for network in parse_networks(
        "0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,"
        "192.168.0.0/16,198.18.0.0/15,224.0.0.0/4,240.0.0.0/4"
    )
    if network.version == 4
]


@pytest.mark.parametrize("address", PRIVATE)
def test_not_public(address: str):
    assert not may_connect(address, ())


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450::1"])
def test_public(address: str):
    assert may_connect(address, ())


def test_allowed_by_name_and_only_in_this_form():
    networks = parse_networks("127.0.0.0/8, fd00::/8")
    assert may_connect("127.0.0.1", networks)
    assert may_connect("fd00::1", networks)
    assert not may_connect("::ffff:127.0.0.1", networks)
    assert not may_connect("10.0.0.1", networks)
    assert parse_networks("") == ()
    with pytest.raises(ValueError, match="host bits"):
        parse_networks("10.0.0.1/8")


@st.composite
def private_v4(draw: st.DrawFn) -> ipaddress.IPv4Address:
    network = draw(st.sampled_from(PRIVATE_V4))
    low, high = int(network.network_address), int(network.broadcast_address)
    return ipaddress.IPv4Address(draw(st.integers(low, high)))


def written(address: ipaddress.IPv4Address) -> list[str]:
    """All the ways that the resolver reads as this address."""
    number, (a, b, c, d) = int(address), address.packed
    v6 = [f"::ffff:{address}", f"::{address}", f"64:ff9b::{address}", f"64:ff9b:1::{address}"]
    return [
        str(address),
        str(number),
        hex(number),
        oct(number).replace("0o", "0"),
        f"{a}.{number & 0xFFFFFF}",
        f"{a}.{b}.{number & 0xFFFF}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.0x{b:02X}.{c}.0{d:o}",
        *v6,
        *(ipaddress.IPv6Address(text).exploded for text in v6),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)).compressed,
    ]


@given(private_v4())
def test_no_notation_of_a_private_address_leads_anywhere(address: ipaddress.IPv4Address):
    for text in written(address):
        url = f"https://[{text}]/x" if ":" in text else f"https://{text}/x"
        target = parse_url(url)
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        assert found
        assert not any(may_connect(str(item[4][0]), ()) for item in found), text


@given(st.ip_addresses(v=6))
def test_an_address_with_another_inside_is_not_connected_to(address: ipaddress.IPv6Address):
    inside = address.ipv4_mapped or address.sixtofour or address.teredo
    if inside is not None or not address.is_global or address.is_multicast:
        assert not may_connect(str(address), ())


@given(st.text(max_size=60))
def test_a_url_is_taken_apart_or_refused(text: str):
    for url in (text, f"https://{text}", f"https://example.com/{text}"):
        try:
            target = parse_url(url)
        except ValueError:
            continue
        assert target.scheme in {"http", "https"}
        assert 1 <= target.port <= 65535
        assert target.host.isascii()
        assert not {*target.host} & {*"@/?#\\ "}
        assert target.path.startswith("/")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "characters"),
        ("https://example.com/" + "x" * MAX_URL, "characters"),
        ("https://exämple.com/", "ASCII"),
        ("https://①②⑦.0.0.1/", "ASCII"),
        ("https://example.com\\@10.0.0.1/", "ASCII"),
        ("https://example.com/a b", "ASCII"),
        ("https://example.com/\r\nx: y", "ASCII"),
        ("ftp://example.com/", "https://"),
        ("example.com", "https://"),
        ("https://me:secret@example.com/", "password"),
        ("https://example.com/#part", "fragment"),
        ("https:///path", "host"),
        ("https://example.com:0/", "port"),
        ("https://example.com:99999/", "no URL"),
        ("https://[::1/", "no URL"),
    ],
)
def test_refused_urls(url: str, why: str):
    with pytest.raises(ValueError, match=why):
        parse_url(url)


def test_taken_apart():
    target = parse_url("https://[2606:4700::1111]:8443?x=1")
    assert (target.host, target.port, target.path) == ("2606:4700::1111", 8443, "/?x=1")
    assert target.authority == "[2606:4700::1111]:8443"
    assert parse_url("https://Example.com/a/b?c=%20d").authority == "example.com"
