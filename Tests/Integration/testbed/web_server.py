"""Web servers that have the content of torrents: nginx, and small ones whose faults are ours."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from .processes import Process, require_running, wait_until
from .torrents import Torrent

PORT = 80

_CONFIGURATION = """
daemon off;
user root;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    log_format short '$status $body_bytes_sent $connection "$http_range" $request_uri';
    access_log {directory}/access.log short;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    sendfile on;
    server {{
        listen {address}:{port};
        root "{root}";
        if ($request_uri ~ ^/moved(/.*)$) {{ return 302 http://{address}:{port}$1; }}
        {locations}
    }}
}}
"""


@dataclass(frozen=True)
class Request:
    """A line of nginx's access log."""

    status: int
    byte_count: int
    connection: int
    range: str
    path: str


class Nginx:
    """Serves the files below `root` at an address of the swarm side."""

    def __init__(self, address: str, root: Path, directory: Path, locations: str = ""):
        self._directory = directory / f"nginx-{address}"
        self._directory.mkdir()
        self.url = f"http://{address}:{PORT}/"
        configuration = self._directory / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                directory=self._directory, address=address, port=PORT, root=root, locations=locations
            )
        )
        self.process = Process(
            ["nginx", "-c", str(configuration), "-p", str(self._directory)],
            directory / f"nginx-{address}.log",
        )

        def running() -> bool:
            require_running(self.process)
            return (self._directory / "nginx.pid").exists()

        wait_until(running, 10, "nginx")

    def requests(self) -> list[Request]:
        lines = (self._directory / "access.log").read_text().splitlines()
        found = (re.fullmatch(r'(\d+) (\d+) (\d+) "(.*?)" (.*)', line) for line in lines)
        return [
            Request(int(each[1]), int(each[2]), int(each[3]), each[4], each[5])
            for each in found
            if each
        ]

    def stop(self) -> None:
        self.process.terminate()


class ScriptedWebServer:
    """Serves one torrent of a single file, honestly; subclasses misbehave."""

    def __init__(self, address: str, torrent: Torrent | None = None):
        self.torrent = torrent
        self.request_count = 0
        self.sent_byte_count = 0
        self.paths: list[str] = []
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with outer.lock:
                    outer.request_count += 1
                    outer.paths.append(self.path)
                outer.answer(self)

            def log_message(self, *_) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_) -> None:
                """A client that hangs up is no news."""

        self._server = Server((address, PORT), Handler)
        self.url = f"http://{address}:{PORT}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def content(self, start: int, length: int) -> bytes:
        return self.torrent.read(start, length)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        first, last = map(int, handler.headers["Range"].removeprefix("bytes=").split("-"))
        body = self.content(first, last - first + 1)
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {first}-{last}/{self.torrent.size}")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        self.send(handler, body)

    def send(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        for start in range(0, len(body), 65536):
            handler.wfile.write(body[start : start + 65536])
            with self.lock:
                self.sent_byte_count += len(body[start : start + 65536])


class LyingWebServer(ScriptedWebServer):
    """The right length of the wrong bytes."""

    def content(self, start: int, length: int) -> bytes:
        return bytes(byte ^ 0x55 for byte in super().content(start, length))


class SilentWebServer(ScriptedWebServer):
    """Takes requests and never answers."""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        threading.Event().wait(60)


class WholeFileWebServer(ScriptedWebServer):
    """Knows nothing of ranges."""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(self.torrent.size))
        handler.end_headers()
        self.send(handler, self.content(0, self.torrent.size))


class PieceProgram(ScriptedWebServer):
    """Gives ranges of pieces (BEP 17), and is busy for a second at first."""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        if self.request_count == 1:
            handler.send_response(503)
            handler.send_header("Content-Length", "1")
            handler.end_headers()
            handler.wfile.write(b"1")
            return
        query = parse_qs(urlsplit(handler.path).query, encoding="latin-1")
        if query["info_hash"][0].encode("latin-1") != self.torrent.info_hash:
            return handler.send_error(404)
        start = int(query["piece"][0]) * self.torrent.piece_length
        first, last = map(int, query["ranges"][0].split("-"))
        body = self.content(start + first, last - first + 1)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        self.send(handler, body)
