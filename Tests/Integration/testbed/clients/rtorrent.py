"""rtorrent, without a terminal, by XML-RPC over a socket in the file system."""

from __future__ import annotations

import socket
import xmlrpc.client
from pathlib import Path

from ..processes import require_running, wait_until
from .client import PEER_PORT, Client, Encryption

_ENCRYPTION = {
    Encryption.REFUSED: "none",
    Encryption.OFFERED: "allow_incoming,try_outgoing,enable_retry",
    Encryption.REQUIRED: "require,require_RC4,allow_incoming,try_outgoing",
}


class Rtorrent(Client):
    name = "rtorrent"
    package = "rtorrent"

    def arguments(self) -> list[str]:
        session = self.directory / "session"
        session.mkdir()
        # A socket's path has no room for a long one.
        self._socket = Path(f"/run/{self.host.address.replace(':', '-')}.rtorrent")
        switches = self.switches
        settings = {
            "system.daemon.set": "true",
            "session.path.set": session,
            "directory.default.set": self.task.data,
            "network.scgi.open_local": self._socket,
            "network.port_range.set": f"{PEER_PORT}-{PEER_PORT}",
            "network.port_random.set": "no",
            "protocol.encryption.set": _ENCRYPTION[switches.encryption],
            "protocol.pex.set": "yes" if switches.peer_exchange else "no",
            "dht.mode.set": "on" if switches.dht else "off",
            "dht.port.set": PEER_PORT,
            "trackers.use_udp.set": "yes",
            "throttle.global_down.max_rate.set_kb": switches.download_limit // 1024,
        }
        lines = [f"{key} = {value}" for key, value in settings.items()]
        lines += [f'log.open_file = "log", {self.directory / "rtorrent-details.log"}']
        lines += [f'log.add_output = "{each}", "log"' for each in ("info", "connection_info")]
        if switches.dht:
            lines.append("schedule2 = dht, 1, 0, ((dht.add_node, router.bittorrent.com:6881))")
        configuration = self.directory / "rtorrent.rc"
        configuration.write_text("\n".join(lines) + "\n")
        return ["rtorrent", "-n", "-o", f"import={configuration}"]

    def begin(self) -> None:
        def answers() -> bool:
            require_running(self.process)
            try:
                return bool(self._call("system.client_version"))
            except OSError:
                return False

        wait_until(answers, 30, "answer of rtorrent", interval=0.1)
        self._call("load.start_verbose", "", str(self.task.source))

    def is_complete(self) -> bool:
        rows = self._call("d.multicall2", "", "main", "d.complete=", "d.is_meta=")
        return bool(rows) and all(complete and not is_meta for complete, is_meta in rows)

    def stop(self) -> None:
        super().stop()
        self._socket.unlink(missing_ok=True)

    def logs(self) -> list[Path]:
        return [self.process.log_path, self.directory / "rtorrent-details.log"]

    def _call(self, method: str, *given):
        """One call over SCGI: the headers as a netstring, then the body."""
        body = xmlrpc.client.dumps(given, method).encode()
        headers = b"CONTENT_LENGTH\0%d\0SCGI\x001\0" % len(body)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self._socket))
            connection.sendall(b"%d:%s,%s" % (len(headers), headers, body))
            answer = b""
            while part := connection.recv(1 << 16):
                answer += part
        (result,), _ = xmlrpc.client.loads(answer.partition(b"\r\n\r\n")[2])
        return result
