"""200 times `kill -9` at a random moment, while clients read, pieces come in and registrations
change.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics

from testbed.crash_rounds import CrashRounds
from testbed.scene import MIB, Scene

from .figures import at_least, at_most, note

_ROUNDS = 200
_FILMS, _SIZE = 4, 256 * MIB


def measure(scene: Scene) -> None:
    directory = scene.directory / "crash"
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    note(f"crash: {_ROUNDS} rounds, SEED={seed}, load average {os.getloadavg()[0]:.1f}")
    outcome = CrashRounds(scene, directory, _FILMS, _SIZE, seed).run(_ROUNDS)
    for each in outcome.wrong + outcome.problems:
        note(f"crash: {each}")
    answers = sorted(outcome.answers)
    at_least("crash.rounds", outcome.rounds, _ROUNDS)
    at_least("crash.MB-compared", outcome.compared / 1e6, None)
    at_most("crash.wrong-reads", len(outcome.wrong), 0)
    at_most("crash.losses", len(outcome.problems), 0)
    at_most("crash.restart-to-first-bytes-s", statistics.median(answers), 1)
    at_most("crash.restart-to-first-bytes-max-s", answers[-1], 1)
    shutil.rmtree(directory)
