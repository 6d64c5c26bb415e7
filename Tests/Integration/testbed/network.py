"""The private network everything runs in: two sides, so that no address is its own peer.

    swarm side (the tests)                    server side (a network namespace of its own)

    10.77.0.1 … 10.77.0.20  ─── veth ───  10.77.0.100      10.78.0.1 ─── TAP ─── 10.78.0.2
    tracker, seeds, libnfs                the server        the server            kernel client

Addresses of 127/8 would not do: Transmission takes none of them from a tracker.
"""

from __future__ import annotations

from pathlib import Path

from .namespace import NetworkNamespace, ip

SERVER_ADDRESS = "10.77.0.100"
TRACKER_ADDRESS = "10.77.0.1"
SWARM_IPV6_ADDRESS = "fd77::1"
SERVER_IPV6_ADDRESS = "fd77::100"
"""For the tests that want them, between `give_ipv6_addresses` and `take_ipv6_addresses`."""
GUEST_GATEWAY = "10.78.0.1"
GUEST_ADDRESS = "10.78.0.2"
TAP_DEVICE = "guest0"

_SWARM_ADDRESSES = [f"10.77.0.{host}" for host in range(1, 21)]


class Network:
    """Both sides, standing from `up` until the namespace around the tests ends."""

    def __init__(self, logs: Path):
        self._server_side = NetworkNamespace(logs / "server-namespace.log")
        self._free_swarm_addresses = _SWARM_ADDRESSES[1:]
        ip(
            "link set lo up",
            f"link add swarm0 type veth peer name server0 netns {self.server_pid}",
            *(f"address add {address}/24 dev swarm0" for address in _SWARM_ADDRESSES),
            "link set swarm0 up",
        )
        self.ip_on_server_side(
            "link set lo up",
            f"address add {SERVER_ADDRESS}/24 dev server0",
            "link set server0 up",
            f"tuntap add {TAP_DEVICE} mode tap",
            f"address add {GUEST_GATEWAY}/24 dev {TAP_DEVICE}",
            f"link set {TAP_DEVICE} up",
        )

    def on_server_side(self, arguments: list[str]) -> list[str]:
        """The command that runs `arguments` on the server side, with the same process id."""
        return self._server_side.command(arguments)

    def ip_on_server_side(self, *lines: str) -> None:
        """Runs commands of `ip` there."""
        self._server_side.ip(list(lines))

    @property
    def server_pid(self) -> int:
        """A process that names the server's network namespace."""
        return self._server_side.pid

    def take_swarm_address(self) -> str:
        """An address no other seed has had: clients remember the peers they met there."""
        if not self._free_swarm_addresses:
            self._free_swarm_addresses = _SWARM_ADDRESSES[1:]
        return self._free_swarm_addresses.pop(0)

    def give_ipv6_addresses(self) -> None:
        """`nodad`, because a new address is of no use for a second otherwise."""
        ip(f"address add {SWARM_IPV6_ADDRESS}/64 dev swarm0 nodad")
        self.ip_on_server_side(f"address add {SERVER_IPV6_ADDRESS}/64 dev server0 nodad")

    def take_ipv6_addresses(self) -> None:
        ip(f"address del {SWARM_IPV6_ADDRESS}/64 dev swarm0")
        self.ip_on_server_side(f"address del {SERVER_IPV6_ADDRESS}/64 dev server0")

    def on_server_network(self, make):
        """Runs `make` with the server's network as its own; a socket stays where it was made."""
        return self._server_side.make(make)
