"""Which addresses a webhook may be sent to. Pure.

Whoever names a URL makes the gateway connect to it from inside of the network, where databases,
metadata services and admin pages trust their neighbours. So only public unicast addresses are
connected to, and what an operator allows by name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Public by the registry, and yet not somebody's server on the internet.
_NOT_PUBLIC_V4: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata service among them
        "192.88.99.0/24",  # relays of 6to4
        "168.63.129.16/32",  # Azure's host
        "224.0.0.0/4",
    )
)
# All unicast addresses that were ever given out; outside lie the forms that carry an IPv4 address
# (mapped, compatible, NAT64), the local ones and multicast.
_UNICAST_V6 = ipaddress.ip_network("2000::/3")
_NOT_PUBLIC_V6: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks of a setting, separated by commas.

    Raises:
        ValueError: One is no network.
    """
    return tuple(ipaddress.ip_network(item.strip()) for item in text.split(",") if item.strip())


def may_connect(text: str, allowed: Iterable[Network]) -> bool:
    """Whether an address may be connected to.

    Args:
        text: As the resolver gives it.
        allowed: Networks that an operator allows.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return is_allowed(address, allowed) or _is_public(address)


def is_allowed(address: Address, allowed: Iterable[Network]) -> bool:
    """Whether an operator allows the address, in this very form."""
    if getattr(address, "scope_id", None):
        return False
    return any(address in network for network in allowed if network.version == address.version)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in network for network in _NOT_PUBLIC_V4)
    if address.scope_id or address not in _UNICAST_V6:
        return False
    return address.is_global and not any(address in network for network in _NOT_PUBLIC_V6)
