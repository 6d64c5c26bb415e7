"""nfs-ganesha: the yardstick of the benchmarks, and what the test bed itself is tested with."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .network import Network
from .nfs_server import NFSServer
from .nfs_wire import MOUNT_PROGRAM
from .processes import wait_until


class GaneshaServer(NFSServer):
    """Exports a directory read-only over NFSv3. It needs an rpcbind to start."""

    def __init__(self, network: Network, directory: Path, exported: Path, port: int = 2049):
        super().__init__(network, directory)
        self.port = port
        self.mount_port = port + 1
        self.export = str(exported)
        Path("/run/ganesha").mkdir(exist_ok=True)
        (directory / "ganesha.conf").write_text(
            f"""
            NFS_CORE_PARAM {{
                Protocols = 3; NFS_Port = {port}; MNT_Port = {port + 1};
                NLM_Port = {port + 2}; Rquota_Port = {port + 3};
                Enable_NLM = false; Enable_RQUOTA = false;
            }}
            EXPORT {{
                Export_Id = 1; Path = {exported}; Pseudo = /export; Protocols = 3;
                Access_Type = RO; Squash = No_Root_Squash; SecType = sys, none;
                PrivilegedPort = false;
                FSAL {{ Name = VFS; }}
            }}
            LOG {{ Default_Log_Level = EVENT; }}
            """
        )

    def start(self, timeout: float = 30) -> float:
        """It answers before rpcbind knows it, whom libnfs asks for the ports."""
        seconds = super().start(timeout)
        wait_until(self._is_registered, timeout, "MOUNT in rpcbind")
        return seconds

    def _is_registered(self) -> bool:
        ask = self.network.on_server_side(["rpcinfo", "-p", "127.0.0.1"])
        known = subprocess.run(ask, capture_output=True, text=True, check=False).stdout
        return f"{MOUNT_PROGRAM}" in known

    def arguments(self) -> list[str]:
        configuration = str(self.directory / "ganesha.conf")
        log = str(self.directory / "ganesha.log")
        pid_file = str(self.directory / "ganesha.pid")
        return ["ganesha.nfsd", "-F", "-f", configuration, "-L", log, "-p", pid_file]
