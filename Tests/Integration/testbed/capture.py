"""What goes over the server's interfaces, and what Wireshark's dissectors make of it."""

from __future__ import annotations

from pathlib import Path

from .namespace import run
from .network import TAP_DEVICE, Network
from .processes import Process, wait_until

_INTERFACES = [TAP_DEVICE, "server0"]


class Capture:
    """Every packet of the given ports, from now until `stop`."""

    def __init__(self, network: Network, directory: Path, ports: list[int]):
        self.path = directory / "session.pcapng"
        selected = " or ".join(f"port {port}" for port in ports)
        interfaces = [part for each in _INTERFACES for part in ("-i", each)]
        self._process = Process(
            network.on_server_side(
                # A large buffer: what is lost looks damaged.
                ["dumpcap", "-q", "-B", "64", *interfaces, "-f", selected, "-w", str(self.path)]
            ),
            directory / "dumpcap.log",
        )
        wait_until(lambda: "Capturing on" in self._process.log(), 10, "capture")

    def stop(self) -> None:
        self._process.terminate()

    def frames(self, condition: str, *fields: str) -> list[list[str]]:
        """The fields of all frames for which a display filter holds; several values have commas."""
        wanted = [part for each in ("frame.number", *fields) for part in ("-e", each)]
        output = run(["tshark", "-n", "-r", str(self.path), "-Y", condition, "-T", "fields", *wanted])
        return [line.split("\t")[1:] for line in output.splitlines()]

    def sent_records(self, port: int) -> list[bytes]:
        """What clients sent to a port by TCP: the records of each connection in turn, without marks."""
        condition = f"tcp.dstport == {port} && tcp.len > 0 && !tcp.analysis.retransmission"
        streams: dict[str, bytearray] = {}
        for stream, payload in self.frames(condition, "tcp.stream", "tcp.payload"):
            streams.setdefault(stream, bytearray()).extend(bytes.fromhex(payload))
        records = []
        for stream in streams.values():
            while len(stream) >= 4:
                length = int.from_bytes(stream[:4], "big") & 0x7FFFFFFF
                records.append(bytes(stream[4 : 4 + length]))
                del stream[: 4 + length]
        return records

    def describe(self, condition: str) -> str:
        """The frames for which it holds, as Wireshark lists them."""
        return run(["tshark", "-n", "-r", str(self.path), "-Y", condition])
