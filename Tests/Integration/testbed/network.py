"""The private network everything runs in: two sides, so that no address is its own peer.

    swarm side (the tests)                    server side (a network namespace of its own)

    10.77.0.1 … 10.77.0.20  ─── veth ───  10.77.0.100      10.78.0.1 ─── TAP ─── 10.78.0.2
    tracker, seeds, libnfs                the server        the server            kernel client

Addresses of 127/8 would not do: Transmission takes none of them from a tracker.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from pathlib import Path

from .processes import Process, TestbedError, wait_until

SERVER_ADDRESS = "10.77.0.100"
TRACKER_ADDRESS = "10.77.0.1"
SWARM_IPV6_ADDRESS = "fd77::1"
SERVER_IPV6_ADDRESS = "fd77::100"
"""For the tests that want them, between `give_ipv6_addresses` and `take_ipv6_addresses`."""
GUEST_GATEWAY = "10.78.0.1"
GUEST_ADDRESS = "10.78.0.2"
TAP_DEVICE = "guest0"

_SWARM_ADDRESSES = [f"10.77.0.{host}" for host in range(1, 21)]
_CLONE_NEWNET = 0x40000000


class Network:
    """Both sides, standing from `up` until the namespace around the tests ends."""

    def __init__(self, logs: Path):
        self._holder = Process(
            ["unshare", "--net", "sleep", "infinity"], logs / "server-namespace.log"
        )
        wait_until(self._holder_is_apart, 5, "network namespace for the server")
        self._free_swarm_addresses = _SWARM_ADDRESSES[1:]
        _ip("link set lo up")
        _ip(f"link add swarm0 type veth peer name server0 netns {self._holder.pid}")
        for address in _SWARM_ADDRESSES:
            _ip(f"address add {address}/24 dev swarm0")
        _ip("link set swarm0 up")
        self._server_ip("link set lo up")
        self._server_ip(f"address add {SERVER_ADDRESS}/24 dev server0")
        self._server_ip("link set server0 up")
        self._server_ip(f"tuntap add {TAP_DEVICE} mode tap")
        self._server_ip(f"address add {GUEST_GATEWAY}/24 dev {TAP_DEVICE}")
        self._server_ip(f"link set {TAP_DEVICE} up")

    def on_server_side(self, arguments: list[str]) -> list[str]:
        """The command that runs `arguments` on the server side, with the same process id."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--", *arguments]

    @property
    def server_pid(self) -> int:
        """A process that names the server's network namespace."""
        return self._holder.pid

    def take_swarm_address(self) -> str:
        """An address no other seed has had: clients remember the peers they met there."""
        if not self._free_swarm_addresses:
            self._free_swarm_addresses = _SWARM_ADDRESSES[1:]
        return self._free_swarm_addresses.pop(0)

    def give_ipv6_addresses(self) -> None:
        """`nodad`, because a new address is of no use for a second otherwise."""
        _ip(f"address add {SWARM_IPV6_ADDRESS}/64 dev swarm0 nodad")
        self._server_ip(f"address add {SERVER_IPV6_ADDRESS}/64 dev server0 nodad")

    def take_ipv6_addresses(self) -> None:
        _ip(f"address del {SWARM_IPV6_ADDRESS}/64 dev swarm0")
        self._server_ip(f"address del {SERVER_IPV6_ADDRESS}/64 dev server0")

    def on_server_network(self, make):
        """Runs `make` with the server's network as its own; a socket stays where it was made."""
        return on_network_of(self._holder.pid, make)

    def _holder_is_apart(self) -> bool:
        link = f"/proc/{self._holder.pid}/ns/net"
        return os.readlink(link) != os.readlink("/proc/self/ns/net")

    def _server_ip(self, arguments: str) -> None:
        _check(self.on_server_side(["ip", *arguments.split()]))


def on_network_of(pid: int, make):
    """Runs `make` with the network of that process; a socket stays where it was made."""
    made: list = []

    def enter_and_make() -> None:
        try:
            with open(f"/proc/{pid}/ns/net") as namespace:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(make())
        except Exception as error:
            made.append(error)

    thread = threading.Thread(target=enter_and_make)
    thread.start()
    thread.join()
    if isinstance(made[0], Exception):
        raise made[0]
    return made[0]


def _ip(arguments: str) -> None:
    _check(["ip", *arguments.split()])


def _check(arguments: list[str]) -> None:
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise TestbedError(f"{' '.join(arguments)}: {result.stderr.strip()}")
