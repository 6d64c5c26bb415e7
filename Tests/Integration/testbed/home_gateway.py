"""A home behind a router: the server's side has its default route through it, and is reached from
outside through what the router maps alone.

    server side                      the router                       the internet

    10.79.0.2 home0 ─── veth ─── lan0 10.79.0.1  wan0 11.22.33.44 ─── veth ─── net0 11.22.33.1
"""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

from .network import Network, on_network_of
from .processes import Process, TestbedError, require_running, wait_until

HOME_ADDRESS = "10.79.0.2"
LAN_ADDRESS = "10.79.0.1"
WAN_ADDRESS = "11.22.33.44"
OUTSIDE_ADDRESS = "11.22.33.1"
PCP_PORT = 5351

_RULES = """
table inet filter {
    chain miniupnpd { }
    chain forward { type filter hook forward priority 0; policy drop;
        ct state established,related accept
        jump miniupnpd
    }
}
table inet nat {
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
    chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
    chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd; }
}
"""

_SETTINGS = f"""
ext_ifname=wan0
listening_ip=lan0
port=0
enable_upnp={{upnp}}
enable_natpmp={{pcp}}
lease_file={{leases}}
secure_mode=yes
uuid=fc4ec57e-b051-11db-88f8-0060085db3f6
upnp_table_name=filter
upnp_nat_table_name=nat
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
allow 1024-65535 10.79.0.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
"""


class HomeGateway:
    """A router that lets nothing in, until a program on it is asked to."""

    def __init__(self, network: Network, directory: Path):
        self.directory = directory
        directory.mkdir()
        self._network = network
        self._holder = Process(
            ["unshare", "--net", "sleep", "infinity"], directory / "namespace.log"
        )
        wait_until(self._is_apart, 5, "network namespace for the router")
        here = network.on_server_side
        there = ["type", "veth", "peer", "netns", f"{self.pid}", "name"]
        _run(["ip", "link", "add", "net0", *there, "wan0"])
        _run(["ip", "address", "add", f"{OUTSIDE_ADDRESS}/24", "dev", "net0"])
        _run(["ip", "link", "set", "net0", "up"])
        _run(here(["ip", "link", "add", "home0", *there, "lan0"]))
        _run(here(["ip", "address", "add", f"{HOME_ADDRESS}/24", "dev", "home0"]))
        _run(here(["ip", "link", "set", "home0", "up"]))
        for device, address in [("lan0", LAN_ADDRESS), ("wan0", WAN_ADDRESS)]:
            _run(self.on_router(["ip", "address", "add", f"{address}/24", "dev", device]))
            _run(self.on_router(["ip", "link", "set", device, "up"]))
        _run(here(["ip", "route", "add", "default", "via", LAN_ADDRESS]))
        _run(self.on_router(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]))
        _run(self.on_router(["nft", "--file", "-"]), _RULES)

    @property
    def pid(self) -> int:
        return self._holder.pid

    def _is_apart(self) -> bool:
        own = Path("/proc/self/ns/net").readlink()
        return Path(f"/proc/{self.pid}/ns/net").readlink() != own

    def on_router(self, arguments: list[str]) -> list[str]:
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *arguments]

    def start_miniupnpd(self, pcp: bool, upnp: bool) -> Process:
        """A real router's program; NAT-PMP and PCP are one switch there."""
        settings = self.directory / "miniupnpd.conf"
        leases = self.directory / "leases"
        leases.touch()
        word = {True: "yes", False: "no"}
        settings.write_text(
            _SETTINGS.format(upnp=word[upnp], pcp=word[pcp], leases=leases)
        )
        pid = self.directory / "miniupnpd.pid"
        program = Process(
            self.on_router(["miniupnpd", "-d", "-f", str(settings), "-P", str(pid)]),
            self.directory / "miniupnpd.log",
        )
        wait_until(lambda: "HTTP listening" in program.log(), 10, "start of miniupnpd")
        require_running(program)
        return program

    def mappings(self) -> list[str]:
        """The rules that let something in."""
        chain = ["nft", "list", "chain", "inet", "nat", "prerouting_miniupnpd"]
        lines = _run(self.on_router(chain)).splitlines()
        return [line.strip() for line in lines if "dnat" in line]

    def stop(self) -> None:
        """Its interfaces go with it, and with them the server's default route."""
        _run(["ip", "link", "delete", "net0"])
        _run(self._network.on_server_side(["ip", "link", "delete", "home0"]))
        self._holder.kill()


class NATPMPGateway:
    """The program of an old router: it knows NAT-PMP (RFC 6886), and PCP not even by name."""

    def __init__(self, gateway: HomeGateway):
        self.mapped: dict[int, int] = {}
        """By operation (1 for UDP, 2 for TCP): external ports."""
        self.refused = 0
        """Packets of PCP."""
        self._began = time.monotonic()
        self._socket = on_network_of(gateway.pid, self._listen)
        threading.Thread(target=self._serve, daemon=True).start()

    @staticmethod
    def _listen() -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind((LAN_ADDRESS, PCP_PORT))
        return listener

    def _serve(self) -> None:
        while True:
            try:
                packet, sender = self._socket.recvfrom(2048)
                if not packet:
                    return
                self._socket.sendto(self._answer(packet), sender)
            except OSError:
                return

    def _answer(self, packet: bytes) -> bytes:
        epoch = int(time.monotonic() - self._began)
        if packet[0] != 0:
            self.refused += 1
            return struct.pack(">BBHI", 0, 128 | packet[1], 1, epoch)
        if packet[1] == 0:
            return struct.pack(">BBHI", 0, 128, 0, epoch) + socket.inet_aton(WAN_ADDRESS)
        internal, external, lifetime = struct.unpack(">HHI", packet[4:12])
        if lifetime == 0:
            self.mapped.pop(packet[1], None)
        else:
            self.mapped[packet[1]] = external
        return struct.pack(
            ">BBHIHHI", 0, 128 | packet[1], 0, epoch, internal, external, lifetime
        )

    def stop(self) -> None:
        # A bare close would leave the thread waiting.
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()


def _run(arguments: list[str], text: str | None = None) -> str:
    result = subprocess.run(arguments, input=text, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise TestbedError(f"{' '.join(arguments)}: {result.stderr.strip()}")
    return result.stdout
