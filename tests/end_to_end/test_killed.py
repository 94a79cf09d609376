"""kill -9 at random moments of a night: the next run mends it, and readers never see a half-written publication."""

import os
import random
import shutil
import signal
import threading
import time
from pathlib import Path

import duckdb
import pytest
from driving import Installation

pytestmark = pytest.mark.slow

# spread over the whole night; PERSO_TEST_KILLS=20 asks for twenty, at eight minutes more
KILLS = int(os.environ.get("PERSO_TEST_KILLS", "5"))
NIGHT = "2026-10-31"


def test_a_night_killed_at_many_moments_ends_in_the_same_tables(shop: Installation, tmp_path: Path) -> None:
    victim = Installation(tmp_path / "victim", is_gated=False)
    shutil.copytree(shop.home, victim.home, symlinks=True)
    begun = time.monotonic()
    victim.perso("run", "--night", NIGHT)
    whole_seconds = time.monotonic() - begun
    expected = victim.fingerprints()
    reader = _Reader(victim.home / "published" / "current")
    reader.start()
    chance = random.Random(5)
    killed = 0
    for moment in range(KILLS):
        # spread over the whole night, start-up included; the machine may be quicker than it was, so not to its very end
        kill_at = time.monotonic() + 0.9 * whole_seconds * (moment + chance.random()) / KILLS
        started = time.monotonic()
        process = victim.start("run", "--night", NIGHT)
        while process.poll() is None and time.monotonic() < kill_at:
            time.sleep(0.1)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        else:  # the machine is quicker than it was
            whole_seconds = time.monotonic() - started
        process.wait()
    victim.perso("run", "--night", NIGHT)
    reader.stop()
    assert killed >= KILLS * 0.6
    assert victim.fingerprints() == expected
    assert reader.faults == []
    assert reader.looks > KILLS


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
