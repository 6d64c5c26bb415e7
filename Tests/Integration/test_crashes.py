"""kill -9 again and again: no wrong byte, nothing lost, an answer within a second of the start."""

from __future__ import annotations

import statistics

from testbed.cache_damage import damage
from testbed.crash_rounds import CrashRounds
from testbed.scene import MIB, SceneTestCase

ROUNDS = 8
DAMAGED_ROUNDS = 5
SEED = 20


class Crashes(SceneTestCase):
    def test_nothing_is_lost_or_wrong_after_kills_at_random_moments(self) -> None:
        rounds = CrashRounds(self.scene, self.directory, films=2, size=24 * MIB, seed=SEED)
        outcome = rounds.run(ROUNDS)
        self.assertEqual((outcome.wrong, outcome.problems), ([], []))
        self.assertEqual(outcome.rounds, ROUNDS)
        self.assertGreater(outcome.compared, MIB)
        self.assertLess(statistics.median(outcome.answers), 1, outcome.answers)

    def test_damage_to_the_cache_of_a_killed_server_is_found(self) -> None:
        rounds = CrashRounds(self.scene, self.directory, films=2, size=24 * MIB, seed=SEED)
        outcome = rounds.run(DAMAGED_ROUNDS, damage)
        self.assertEqual((outcome.wrong, outcome.problems), ([], []))
        self.assertGreater(outcome.compared, MIB)
        self.assertLess(statistics.median(outcome.answers), 1, outcome.answers)
