"""Machines of their own on one local network: each a network namespace with one interface.

What runs on a host needs no option to keep to its address, and any two may use the same ports. The
tests themselves, and their trackers, are in reach of all hosts.
"""

from __future__ import annotations

import itertools
import socket
from pathlib import Path

from .namespace import NetworkNamespace, ip, run

_BRIDGE = "hosts0"
_OWN_ADDRESS = "10.79.0.1"
_OWN_ADDRESS_6 = "fd77::1"
_HOSTS_PER_NETWORK = 200


class LocalNetwork:
    """A bridge that hosts are plugged into: 10.0.0.0/8 and fd77::/64, everybody on the link."""

    address = _OWN_ADDRESS
    """Of the tests themselves."""
    address_6 = _OWN_ADDRESS_6

    def __init__(self, logs: Path):
        self._logs = logs
        self._numbers = itertools.count()
        # A link-layer address of its own: it would change with the hosts that come and go. Multicast
        # goes to everybody: nobody asks the bridge for it in time.
        ip(
            f"link add {_BRIDGE} address 02:00:00:00:00:01 type bridge mcast_snooping 0",
            f"address add {_OWN_ADDRESS}/8 dev {_BRIDGE}",
            f"address add {_OWN_ADDRESS_6}/64 dev {_BRIDGE} nodad",
            f"link set {_BRIDGE} up",
        )

    def host(self, ipv4: bool = True, ipv6: bool = False, further: list[str] = []) -> Host:
        """A new host; nobody has had its address before. `further` are more IPv4 addresses."""
        number = next(self._numbers)
        # A network of 256 for each: a DHT believes in one node of such a network only.
        network, host = divmod(number, _HOSTS_PER_NETWORK)
        addresses = [f"10.{80 + network}.{1 + host}.1"] if ipv4 else []
        return Host(
            number,
            addresses + further,
            f"fd77::1:{number + 1:x}" if ipv6 else None,
            self._logs / f"host-{number}.log",
        )


class Host:
    """Stands until `close`, which ends nothing that runs on it."""

    def __init__(self, number: int, addresses: list[str], address_6: str | None, log: Path):
        self.addresses = addresses
        self.address = addresses[0] if addresses else str(address_6)
        """The one it is known by."""
        self.ipv4 = bool(addresses)
        self.bracketed = self.address if addresses else f"[{self.address}]"
        """As it stands before the colon of a port."""
        self._namespace = NetworkNamespace(log)
        device = f"host{number}"
        ip(
            f"link add {device} type veth peer name eth0 netns {self._namespace.pid}",
            f"link set {device} master {_BRIDGE} up",
        )
        lines = ["link set lo up", "link set eth0 up"]
        lines += [f"address add {each}/8 dev eth0" for each in addresses]
        lines += [f"address add {address_6}/64 dev eth0 nodad"] if address_6 else []
        # Multicast takes the way of what has no other.
        # Programs without any IPv4 address refuse even 127.0.0.1; nothing is in reach of this one.
        lines += ["route add default dev eth0"] if addresses else ["address add 192.0.2.1/32 dev lo"]
        self._namespace.ip(lines)

    def command(self, arguments: list[str]) -> list[str]:
        """The command that runs `arguments` here, with the same process id."""
        return self._namespace.command(arguments)

    def on_server_side(self, arguments: list[str]) -> list[str]:
        """For a server, which asks this of its network."""
        return self.command(arguments)

    def connect(self, address: str, port: int, timeout: float = 10) -> socket.socket:
        """A TCP connection made from here, such as to this host's loopback address."""
        return self._namespace.make(lambda: socket.create_connection((address, port), timeout))

    def block(self, protocol: str, port: int) -> None:
        """No packet of `tcp` or `udp` from or to `port` passes from now on."""
        # Routing rules do it, which every kernel has; the table of local addresses comes first
        # otherwise.
        for family in ("-4", "-6"):
            self._namespace.ip(
                [
                    "rule add pref 100 lookup local",
                    "rule del pref 0",
                    f"rule add pref 1 ipproto {protocol} dport {port} prohibit",
                    f"rule add pref 2 ipproto {protocol} sport {port} prohibit",
                ],
                family,
            )

    def guard(self, *accepted: str) -> None:
        """Nothing comes in from now on but what answers what went out, as behind a NAT, and what one of
        `accepted`, matches of nftables, lets in.
        """
        matches = ["iif lo", "ct state established,related", *accepted]
        chain = ["type filter hook input priority 0; policy drop", *(f"{each} accept" for each in matches)]
        rules = "table inet guard {\nchain input {\n" + "\n".join(chain) + "\n}\n}\n"
        run(self.command(["nft", "--file", "-"]), rules)

    def close(self) -> None:
        self._namespace.close()
