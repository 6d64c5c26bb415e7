"""200 times `kill -9` at a random moment, while clients read, pieces come in and registrations
change; and 50 times more, each followed by damage to the cache of the dead server.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics

from testbed.cache_damage import damage
from testbed.crash_rounds import CrashRounds
from testbed.scene import MIB, Scene

from .figures import at_least, at_most, note

_ROUNDS = 200
_DAMAGED_ROUNDS = 50
_FILMS, _SIZE = 4, 256 * MIB


def measure(scene: Scene) -> None:
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    _rounds(scene, "crash", _ROUNDS, seed)
    _rounds(scene, "crash.damaged", _DAMAGED_ROUNDS, seed, damage)


def _rounds(scene: Scene, name: str, rounds: int, seed: int, while_dead=None) -> None:
    directory = scene.directory / name
    note(f"{name}: {rounds} rounds, SEED={seed}, load average {os.getloadavg()[0]:.1f}")
    outcome = CrashRounds(scene, directory, _FILMS, _SIZE, seed).run(rounds, while_dead)
    for each in outcome.wrong + outcome.problems:
        note(f"{name}: {each}")
    answers = sorted(outcome.answers)
    at_least(f"{name}.rounds", outcome.rounds, rounds)
    at_least(f"{name}.MB-compared", outcome.compared / 1e6, None)
    at_most(f"{name}.wrong-reads", len(outcome.wrong), 0)
    at_most(f"{name}.losses", len(outcome.problems), 0)
    at_most(f"{name}.restart-to-first-bytes-s", statistics.median(answers), 1)
    at_most(f"{name}.restart-to-first-bytes-max-s", answers[-1], 1)
    shutil.rmtree(directory)
