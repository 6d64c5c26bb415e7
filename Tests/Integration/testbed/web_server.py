"""nginx, as the web seed of a torrent (BEP 19)."""

from __future__ import annotations

from pathlib import Path

from .host import Host
from .processes import Process, require_running, wait_until

_PORT = 8000


class WebServer:
    """Serves the files below `root` from a host of its own."""

    def __init__(self, host: Host, directory: Path, root: Path):
        directory.mkdir(parents=True)
        self.url = f"http://{host.bracketed}:{_PORT}/"
        configuration = directory / "nginx.conf"
        configuration.write_text(
            f"""
            daemon off; master_process off; user root; worker_processes 1;
            pid {directory}/nginx.pid; error_log stderr info;
            events {{ worker_connections 64; }}
            http {{
                access_log {directory}/access.log; client_body_temp_path {directory}/body;
                proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
                uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
                server {{ listen {_PORT}; listen [::]:{_PORT}; root {root}; }}
            }}
            """
        )
        self.process = Process(
            host.command(["nginx", "-p", str(directory), "-c", str(configuration)]),
            directory / "nginx.log",
        )
        self.access_log = directory / "access.log"

        def answers() -> bool:
            require_running(self.process)
            try:
                host.connect(host.address, _PORT).close()
                return True
            except OSError:
                return False

        wait_until(answers, 20, "answer of nginx")

    def stop(self) -> None:
        self.process.kill()
