"""An HTTP tracker (BEP 3, 23, 24, 48) that records what it is told and can answer nonsense."""

from __future__ import annotations

import ipaddress
import socket
import socketserver
import struct
import threading
import time
import urllib.parse
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

import libtorrent

from .network import TRACKER_ADDRESS

PORT = 6969
ORIGIN = f"http://{TRACKER_ADDRESS}:{PORT}"
ANNOUNCE_URL = f"{ORIGIN}/announce"


def nonsense_url(kind: str) -> str:
    """An announce URL that answers with one of `NONSENSE` or `USELESS`."""
    return f"http://{TRACKER_ADDRESS}:{PORT}/nonsense/{kind}"


NONSENSE = {
    "page": b"<html><body>It works!</body></html>",
    "nothing": b"",
    "cut": b"d8:intervali1800e5:peers6:\x0a\x4d",
    "number": b"i42e",
    "list": b"l5:peerse",
    "huge-string": b"d5:peers999999999999:",
    "nested": b"l" * 100_000,
    "negative-interval": b"d8:intervali-7e5:peers0:e",
    "odd-peers": b"d8:intervali60e5:peers7:\x0a\x4d\x00\x02\x1a\xe1\x00e",
    "failure": b"d14:failure reason24:the tracker has a grudgee",
    "endless": b"d5:peers" + b"9" * (1 << 20),
}
"""Answers that are no answer: a client goes on to the next tracker (BEP 12)."""

USELESS = {"impossible-peers": b"d8:intervali60e5:peers12:" + bytes(6) + b"\xff" * 6 + b"e"}
"""Answers in good order that help nobody."""


@dataclass(frozen=True)
class Announce:
    time: float
    info_hash: bytes
    peer_id: bytes
    address: str
    port: int
    event: str
    uploaded: int
    downloaded: int
    left: int
    path: str


class Tracker:
    """Listens on the swarm side; peers that said `stopped` are forgotten.

    Every path below `/announce` is a room of its own, whose peers hear of each other alone.
    """

    def __init__(self, interval: int = 30, address: str = TRACKER_ADDRESS):
        self._interval = interval
        self._lock = threading.Lock()
        self._announces: list[Announce] = []
        self._scrapes: list[str] = []
        self._swarms: dict[tuple[str, bytes], dict[tuple[str, int], float]] = {}
        tracker = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = tracker._answer(self.path, self.client_address[0])
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments) -> None:
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

            def handle_error(self, request, client_address) -> None:
                pass

        self._server = Server((address, PORT), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add_peer(
        self, info_hash: bytes, address: str, port: int, path: str = "/announce"
    ) -> None:
        """A peer that does not announce itself."""
        with self._lock:
            self._swarms.setdefault((path, info_hash), {})[(address, port)] = time.monotonic()

    def remove_peer(self, address: str, info_hash: bytes | None = None) -> None:
        """From one torrent or all: a seed that was killed announces no end of its own."""
        with self._lock:
            for (_, torrent), swarm in self._swarms.items():
                if info_hash in (None, torrent):
                    for peer in [peer for peer in swarm if peer[0] == address]:
                        del swarm[peer]

    def announces(self, info_hash: bytes, path: str | None = None) -> list[Announce]:
        with self._lock:
            return [
                announce
                for announce in self._announces
                if announce.info_hash == info_hash and path in (None, announce.path)
            ]

    def knows(self, info_hash: bytes, address: str, path: str = "/announce") -> bool:
        with self._lock:
            return any(peer[0] == address for peer in self._swarms.get((path, info_hash), {}))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, target: str, address: str) -> bytes:
        url = urllib.parse.urlsplit(target)
        if url.path.rpartition("/")[2].startswith("scrape"):
            return self._scrape(url)
        query = {
            key: value.encode("latin-1")
            for key, value in urllib.parse.parse_qsl(url.query, encoding="latin-1")
        }
        try:
            announce = Announce(
                time=time.monotonic(),
                info_hash=query["info_hash"],
                peer_id=query["peer_id"],
                address=address,
                port=int(query["port"]),
                event=query.get("event", b"").decode(),
                uploaded=int(query.get("uploaded", b"0")),
                downloaded=int(query.get("downloaded", b"0")),
                left=int(query.get("left", b"0")),
                path=url.path,
            )
        except (KeyError, ValueError) as error:
            return libtorrent.bencode({b"failure reason": f"bad announce: {error}".encode()})
        with self._lock:
            self._announces.append(announce)
            if url.path.startswith("/nonsense/"):
                return (NONSENSE | USELESS)[url.path.removeprefix("/nonsense/")]
            return self._join(announce)

    def scrapes(self, path: str = "/announce") -> int:
        """How often a room was scraped."""
        with self._lock:
            return self._scrapes.count(path)

    def _scrape(self, url: urllib.parse.SplitResult) -> bytes:
        room = url.path.replace("scrape", "announce")
        wanted = [
            value.encode("latin-1")
            for key, value in urllib.parse.parse_qsl(url.query, encoding="latin-1")
            if key == "info_hash"
        ]
        with self._lock:
            self._scrapes.append(room)
            files = {
                info_hash: {
                    b"complete": len(self._swarms.get((room, info_hash), {})),
                    b"downloaded": 0,
                    b"incomplete": 0,
                }
                for info_hash in wanted
            }
        return libtorrent.bencode({b"files": files})

    def _join(self, announce: Announce) -> bytes:
        swarm = self._swarms.setdefault((announce.path, announce.info_hash), {})
        me = (announce.address, announce.port)
        if announce.event == "stopped":
            swarm.pop(me, None)
        else:
            swarm[me] = time.monotonic()
        answer: dict[bytes, int | bytes] = {
            b"interval": self._interval,
            b"peers": b"",
            b"external ip": ipaddress.ip_address(announce.address).packed,
        }
        for address, port in swarm:
            if (address, port) != me:
                # BEP 7: those of IPv6 have a key of their own.
                key = b"peers6" if ":" in address else b"peers"
                packed = ipaddress.ip_address(address).packed + struct.pack(">H", port)
                answer[key] = answer.get(key, b"") + packed
        return libtorrent.bencode(answer)
