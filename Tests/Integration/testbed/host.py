"""Machines of their own on one local network: each a network namespace with one interface.

What runs on a host needs no option to keep to its address, and any two may use the same ports. The
tests themselves, and their trackers, are in reach of all hosts.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import socket
import subprocess
import threading
from pathlib import Path

from .processes import Process, TestbedError, wait_until

_CLONE_NEWNET = 0x40000000
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
        bridge = ["type", "bridge", "mcast_snooping", "0"]
        _run(["ip", "link", "add", _BRIDGE, "address", "02:00:00:00:00:01", *bridge])
        _run(["ip", "address", "add", f"{_OWN_ADDRESS}/8", "dev", _BRIDGE])
        _run(["ip", "address", "add", f"{_OWN_ADDRESS_6}/64", "dev", _BRIDGE, "nodad"])
        _run(["ip", "link", "set", _BRIDGE, "up"])

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
        self._holder = Process(["unshare", "--net", "sleep", "infinity"], log)
        wait_until(self._is_apart, 10, "network namespace of a host")
        device = f"host{number}"
        peer = ["type", "veth", "peer", "name", "eth0", "netns", str(self._holder.pid)]
        _run(["ip", "link", "add", device, *peer])
        _run(["ip", "link", "set", device, "master", _BRIDGE, "up"])
        lines = ["link set lo up", "link set eth0 up"]
        lines += [f"address add {each}/8 dev eth0" for each in addresses]
        lines += [f"address add {address_6}/64 dev eth0 nodad"] if address_6 else []
        # Multicast takes the way of what has no other.
        # Programs without any IPv4 address refuse even 127.0.0.1; nothing is in reach of this one.
        lines += ["route add default dev eth0"] if addresses else ["address add 192.0.2.1/32 dev lo"]
        self._ip(lines)

    def command(self, arguments: list[str]) -> list[str]:
        """The command that runs `arguments` here, with the same process id."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--", *arguments]

    def on_server_side(self, arguments: list[str]) -> list[str]:
        """For a server, which asks this of its network."""
        return self.command(arguments)

    def connect(self, address: str, port: int, timeout: float = 10) -> socket.socket:
        """A TCP connection made from here, such as to this host's loopback address."""
        made: list = []

        def enter_and_connect() -> None:
            try:
                with open(f"/proc/{self._holder.pid}/ns/net") as namespace:
                    libc = ctypes.CDLL(None, use_errno=True)
                    if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                made.append(socket.create_connection((address, port), timeout))
            except OSError as error:
                made.append(error)

        # A namespace is a thread's own; this one ends with its work.
        thread = threading.Thread(target=enter_and_connect)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]

    def block(self, protocol: str, port: int) -> None:
        """No packet of `tcp` or `udp` from or to `port` passes from now on."""
        # Routing rules do it, which every kernel has; the table of local addresses comes first
        # otherwise.
        for family in ("-4", "-6"):
            self._ip(
                [
                    "rule add pref 100 lookup local",
                    "rule del pref 0",
                    f"rule add pref 1 ipproto {protocol} dport {port} prohibit",
                    f"rule add pref 2 ipproto {protocol} sport {port} prohibit",
                ],
                family,
            )

    def close(self) -> None:
        self._holder.kill()

    def _is_apart(self) -> bool:
        link = f"/proc/{self._holder.pid}/ns/net"
        return os.readlink(link) != os.readlink("/proc/self/ns/net")

    def _ip(self, lines: list[str], *options: str) -> None:
        _run(self.command(["ip", *options, "-batch", "-"]), "\n".join(lines))


def _run(arguments: list[str], given: str = "") -> None:
    result = subprocess.run(arguments, input=given, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise TestbedError(f"{' '.join(arguments)} {given}: {result.stderr.strip()}")
