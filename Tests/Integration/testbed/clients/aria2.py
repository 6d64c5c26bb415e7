"""aria2, by its command line: it ends by itself once it has downloaded."""

from __future__ import annotations

from pathlib import Path

from .client import PEER_PORT, Client, Encryption


class Aria2(Client):
    name = "aria2"
    package = "aria2"

    def arguments(self) -> list[str]:
        def switch(name: str, on: bool) -> str:
            return f"--{name}={'true' if on else 'false'}"

        task, switches = self.task, self.switches
        required = switches.encryption == Encryption.REQUIRED
        return [
            "aria2c",
            "--no-conf",
            f"--dir={task.data}",
            f"--log={self.directory / 'aria2-details.log'}",
            "--log-level=info",
            "--show-console-readout=false",
            "--file-allocation=none",
            "--follow-torrent=mem",
            "--bt-tracker-interval=5",
            f"--listen-port={PEER_PORT}",
            f"--dht-listen-port={PEER_PORT}",
            f"--dht-file-path={self.directory / 'dht.dat'}",
            # Without a way in there is no DHT; but UDP trackers are asked by its socket alone.
            "--enable-dht=true",
            *(["--dht-entry-point=router.bittorrent.com:6881"] if switches.dht else []),
            f"--max-download-limit={switches.download_limit}",
            switch("bt-force-encryption", required),
            switch("enable-peer-exchange", switches.peer_exchange),
            switch("bt-enable-lpd", switches.local_discovery),
            switch("check-integrity", task.seeds),
            "--seed-ratio=0.0" if task.seeds else "--seed-time=0",
            str(task.source),
        ]

    def is_complete(self) -> bool:
        return self.process.exit_code == 0

    def logs(self) -> list[Path]:
        return [self.process.log_path, self.directory / "aria2-details.log"]
