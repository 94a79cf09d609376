"""kill -9 at random moments of a night: the next run mends it, and readers never see a half-written publication."""

import os
import random
import re
import shutil
import signal
import threading
import time
from pathlib import Path

import duckdb
import pytest
from driving import Installation

pytestmark = pytest.mark.slow

# spread over the whole night; PERSO_TEST_KILLS=20 asks for twenty, at six minutes more
KILLS = int(os.environ.get("PERSO_TEST_KILLS", "5"))
NIGHT = "2026-10-31"
STEPS = 46  # of a night without its gates
STEP_ENDED = re.compile(rb"^  \S+ +\d+\.\d s$", re.MULTILINE)


def test_a_night_killed_at_many_moments_ends_in_the_same_tables(shop: Installation, tmp_path: Path) -> None:
    victim = Installation(tmp_path / "victim", is_gated=False)
    shutil.copytree(shop.home, victim.home, symlinks=True)
    reader = _Reader(victim.home / "published" / "current")
    reader.start()
    chance = random.Random(5)
    killed = [
        # amid a step of its share of the night, start-up included
        _kill_after(victim, int(STEPS * (moment + chance.random()) / KILLS), within_seconds=chance.random() / 2)
        for moment in range(KILLS)
    ]
    victim.perso("run", "--night", NIGHT)
    reader.stop()
    assert sum(killed) >= 0.8 * KILLS
    assert victim.fingerprints() == shop.fingerprints()
    assert reader.faults == []
    assert reader.looks > KILLS


def _kill_after(victim: Installation, steps: int, *, within_seconds: float) -> bool:
    """Start the night and kill it that long after so many steps; False where it had ended before."""
    log = victim.home / "started.log"
    log.write_bytes(b"")
    process = victim.start("run", "--night", NIGHT)
    while process.poll() is None and len(STEP_ENDED.findall(log.read_bytes())) < steps:
        time.sleep(0.05)
    time.sleep(within_seconds)
    is_running = process.poll() is None
    if is_running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return is_running


class _Reader(threading.Thread):
    """Opens what is published over and over; every look must find one whole night."""

    def __init__(self, current: Path) -> None:
        super().__init__()
        self._current = current
        self._stopped = threading.Event()
        self.looks = 0
        self.faults: list[str] = []

    def run(self) -> None:
        while not self._stopped.wait(0.1):
            folder = self._current.resolve()
            try:
                with duckdb.connect(str(folder / "perso.duckdb"), read_only=True) as published:
                    nights = published.execute("select count(distinct night), count(*) from recommendations").fetchone()
            except duckdb.Error as error:
                self.faults.append(str(error))
                continue
            self.looks += 1
            if nights is None or nights[0] != 1 or nights[1] == 0:
                self.faults.append(f"saw {nights}")

    def stop(self) -> None:
        self._stopped.set()
        self.join()
