"""A home behind a router: the server's side has its default route through it, and is reached from
outside through what the router maps alone.

    server side                      the router                       the internet

    10.79.0.2 home0 ─── veth ─── lan0 10.79.0.1  wan0 11.22.33.44 ─── veth ─── net0 11.22.33.1
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from pathlib import Path

from .namespace import NetworkNamespace, ip, run
from .network import Network
from .processes import Process, require_running, wait_until

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
        self.router = NetworkNamespace(directory / "namespace.log")
        there = f"type veth peer netns {self.router.pid} name"
        ip(
            f"link add net0 {there} wan0",
            f"address add {OUTSIDE_ADDRESS}/24 dev net0",
            "link set net0 up",
        )
        network.ip_on_server_side(
            f"link add home0 {there} lan0",
            f"address add {HOME_ADDRESS}/24 dev home0",
            "link set home0 up",
        )
        self.router.ip(
            [
                f"address add {LAN_ADDRESS}/24 dev lan0",
                "link set lan0 up",
                f"address add {WAN_ADDRESS}/24 dev wan0",
                "link set wan0 up",
            ]
        )
        network.ip_on_server_side(f"route add default via {LAN_ADDRESS}")
        forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
        run(self.router.command(["sh", "-c", forward]))
        run(self.router.command(["nft", "--file", "-"]), _RULES)

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
            self.router.command(["miniupnpd", "-d", "-f", str(settings), "-P", str(pid)]),
            self.directory / "miniupnpd.log",
        )
        wait_until(lambda: "HTTP listening" in program.log(), 10, "start of miniupnpd")
        require_running(program)
        return program

    def mappings(self) -> list[str]:
        """The rules that let something in."""
        chain = ["nft", "list", "chain", "inet", "nat", "prerouting_miniupnpd"]
        lines = run(self.router.command(chain)).splitlines()
        return [line.strip() for line in lines if "dnat" in line]

    def stop(self) -> None:
        """Its interfaces go with it, and with them the server's default route."""
        ip("link delete net0")
        self._network.ip_on_server_side("link delete home0")
        self.router.close()


class NATPMPGateway:
    """The program of an old router: it knows NAT-PMP (RFC 6886), and PCP not even by name."""

    def __init__(self, gateway: HomeGateway):
        self.mapped: dict[int, int] = {}
        """By operation (1 for UDP, 2 for TCP): external ports."""
        self.refused = 0
        """Packets of PCP."""
        self._began = time.monotonic()
        self._socket = gateway.router.make(self._listen)
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
