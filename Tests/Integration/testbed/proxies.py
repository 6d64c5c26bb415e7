"""Proxies on the swarm side, seeds that only they can reach, and a witness of what goes around them."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .network import SERVER_ADDRESS, Network
from .processes import Process, require_running, wait_until
from .nfs_server import NFSServer

HIDDEN_ADDRESS = "10.79.0.5"
"""On the swarm side; no route of the server leads there."""

_ETH_P_ALL = 3
_IPV4, _IPV6 = 0x0800, 0x86DD
_RPCBIND_PORT = 111


class Proxy:
    """A proxy that listens at an address of the swarm side."""

    kind: str
    port: int

    def __init__(self, network: Network, directory: Path, user: str = "", password: str = ""):
        self.address = network.take_swarm_address()
        self.user, self.password = user, password
        self._arguments = self._prepare(directory)
        self._log = directory / f"{self.kind}-{self.address}.log"
        self.start()

    def start(self) -> None:
        self.process = Process(self._arguments, self._log)

        def listens() -> bool:
            require_running(self.process)
            try:
                socket.create_connection((self.address, self.port), 1).close()
            except OSError:
                return False
            return True

        wait_until(listens, 10, f"{self.kind} proxy")

    def stop(self) -> None:
        self.process.kill()

    @property
    def settings(self) -> dict:
        """The section of config.yaml."""
        found = {"type": self.kind, "host": self.address, "port": self.port}
        if self.user:
            found |= {"user": self.user, "password": self.password}
        return found

    def _prepare(self, directory: Path) -> list[str]:
        raise NotImplementedError


class Microsocks(Proxy):
    kind, port = "socks5", 1080

    def _prepare(self, directory: Path) -> list[str]:
        login = ["-u", self.user, "-P", self.password] if self.user else []
        return ["microsocks", "-i", self.address, "-p", str(self.port), *login]


class Dante(Proxy):
    """Relays datagrams, too (UDP ASSOCIATE)."""

    kind, port = "socks5", 1080

    def _prepare(self, directory: Path) -> list[str]:
        configuration = directory / f"dante-{self.address}.conf"
        everybody = "from: 0.0.0.0/0 to: 0.0.0.0/0"
        configuration.write_text(
            f"logoutput: stderr\ninternal: {self.address} port = {self.port}\n"
            f"external: {self.address}\nclientmethod: none\nsocksmethod: none\n"
            f"user.privileged: root\nuser.unprivileged: root\n"
            f"client pass {{ {everybody} }}\nsocks pass {{ {everybody} }}\n"
        )
        return ["danted", "-f", str(configuration), "-p", str(directory / "dante.pid")]


class Tinyproxy(Proxy):
    kind, port = "http", 8888

    def _prepare(self, directory: Path) -> list[str]:
        configuration = directory / f"tinyproxy-{self.address}.conf"
        login = f"BasicAuth {self.user} {self.password}\n" if self.user else ""
        configuration.write_text(
            f"Port {self.port}\nListen {self.address}\nUser root\nTimeout 60\n"
            f"MaxClients 100\nLogLevel Connect\nDisableViaHeader Yes\n{login}"
        )
        return ["tinyproxy", "-d", "-c", str(configuration)]


def hide_an_address() -> None:
    """Makes `HIDDEN_ADDRESS` an address of the swarm side, once."""
    shown = subprocess.run(["ip", "address", "show", "dev", "lo"], capture_output=True, check=True)
    if HIDDEN_ADDRESS.encode() not in shown.stdout:
        subprocess.run(["ip", "address", "add", f"{HIDDEN_ADDRESS}/32", "dev", "lo"], check=True)


@dataclass(frozen=True)
class Packet:
    protocol: int
    destination: str
    port: int


class Witness:
    """Takes down every packet that the server sends, but answers to NFS clients and to rpcbind."""

    def __init__(self) -> None:
        self._packets: set[Packet] = set()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._socket.bind(("swarm0", 0))
        self._socket.settimeout(0.2)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def packets(self) -> set[Packet]:
        """What was seen; stops to watch."""
        # What is on its way counts.
        time.sleep(0.3)
        self._stopped.set()
        self._thread.join()
        self._socket.close()
        return self._packets

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                frame = self._socket.recv(65536)
            except TimeoutError:
                continue
            packet = self._packet(frame)
            if packet is not None:
                self._packets.add(packet)

    @staticmethod
    def _packet(frame: bytes) -> Packet | None:
        (kind,) = struct.unpack_from("!H", frame, 12)
        if kind == _IPV4:
            body = frame[14 + (frame[14] & 15) * 4 :]
            protocol, source = frame[23], socket.inet_ntoa(frame[26:30])
            destination = socket.inet_ntoa(frame[30:34])
            if source != SERVER_ADDRESS:
                return None
        elif kind == _IPV6:
            # The swarm side uses IPv4 alone: what is not of the kernel's neighbours is of the server.
            body, protocol = frame[54:], frame[20]
            destination = socket.inet_ntop(socket.AF_INET6, frame[38:54])
            if protocol not in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
                return None
        else:
            return None
        if protocol not in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
            return Packet(protocol, destination, 0)
        source_port, port = struct.unpack_from("!HH", body)
        if source_port in (NFSServer.port, _RPCBIND_PORT) or port == _RPCBIND_PORT:
            return None
        return Packet(protocol, destination, port)
