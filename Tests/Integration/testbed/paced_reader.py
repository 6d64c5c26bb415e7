"""A program: reads a file at a bit rate, as `ffmpeg -re` does, and says how long its reads waited.

    paced_reader.py FILE RATE SECONDS       RATE in bytes a second

Prints a JSON object: `bytes`, `sha256`, and `waits`, an array of [seconds since the begin, seconds
waited] of every read that took longer than 100 ms. Imports nothing of the test bed.
"""

import hashlib
import json
import os
import sys
import time

_READ = 64 << 10
_WORTH_TELLING = 0.1


def main(path: str, rate: float, seconds: float) -> None:
    file = os.open(path, os.O_RDONLY)
    digest, waits, done = hashlib.sha256(), [], 0
    began = time.monotonic()
    while done < rate * seconds:
        # One that is late catches up, since the film goes on.
        time.sleep(max(0.0, began + done / rate - time.monotonic()))
        asked = time.monotonic()
        data = os.read(file, _READ)
        waited = time.monotonic() - asked
        if not data:
            break
        if waited > _WORTH_TELLING:
            waits.append([round(asked - began, 3), round(waited, 3)])
        digest.update(data)
        done += len(data)
    print(json.dumps({"bytes": done, "sha256": digest.hexdigest(), "waits": waits}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
