"""Inside the guest: runs the commands that come over a connection, each in its own thread."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time


def main(address: str, port: int) -> None:
    connection = _connect(address, port)
    lock = threading.Lock()
    running: dict[int, subprocess.Popen] = {}

    def run(number: int, process: subprocess.Popen, began: float) -> None:
        output, _ = process.communicate()
        reply = {
            "number": number,
            "status": process.returncode,
            "output": output.decode(errors="replace"),
            "seconds": time.monotonic() - began,
        }
        with lock:
            connection.sendall(json.dumps(reply).encode() + b"\n")

    for line in connection.makefile("rb"):
        message = json.loads(line)
        if "run" in message:
            began = time.monotonic()
            process = subprocess.Popen(
                ["/bin/sh", "-c", message["run"]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            running[message["number"]] = process
            arguments = (message["number"], process, began)
            threading.Thread(target=run, args=arguments, daemon=True).start()
        elif "kill" in message:
            try:
                os.killpg(running[message["kill"]].pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        elif "power_off" in message:
            break
    os.sync()
    with open("/proc/sysrq-trigger", "w") as trigger:
        trigger.write("o")
    time.sleep(60)


def _connect(address: str, port: int) -> socket.socket:
    for _ in range(100):
        try:
            connection = socket.create_connection((address, port), timeout=1)
            connection.settimeout(None)
            return connection
        except OSError:
            time.sleep(0.1)
    sys.exit("the test bed does not answer")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
