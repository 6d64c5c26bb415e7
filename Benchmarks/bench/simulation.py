"""Streams from simulated swarms, in virtual time: figures for each kind of swarm and reader.

SEEDS is the number of runs of each kind (default 1000). What went wrong in which run goes to stderr.
"""

from __future__ import annotations

import os
import subprocess

from testbed.scene import Scene
from testbed.sluice_server import REPOSITORY

_PROGRAM = REPOSITORY / ".build" / "release" / "simulation"


def measure(_scene: Scene) -> None:
    subprocess.run([_PROGRAM, "--seeds", os.environ.get("SEEDS", "1000")], check=True)
