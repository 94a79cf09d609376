"""A throw-away installation for benchmarks: runs ``perso``, times its steps, watches its memory."""

import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from perso_pipeline.settings import PROJECT_ROOT

PERSO = Path(sys.executable).with_name("perso")
_STEP = re.compile(r"^\s+(\S+)\s+([\d.]+) s$")


@dataclass(frozen=True)
class Timed:
    """One call of ``perso``."""

    seconds: float
    steps: dict[str, float]
    peaks: dict[str, int]  # bytes of the whole process tree at one time, by step

    @property
    def peak_bytes(self) -> int:
        return max(self.peaks.values())


@dataclass(frozen=True)
class Installation:
    home: Path
    memory_limit: str = "4GB"
    config: Path = PROJECT_ROOT / "config"

    def perso(self, *arguments: str) -> Timed:
        environment = os.environ | {
            "PERSO_HOME": str(self.home), "PERSO_MEMORY_LIMIT": self.memory_limit, "PERSO_CONFIG_DIR": str(self.config),
        }  # fmt: skip
        begun = time.monotonic()
        with subprocess.Popen(
            [str(PERSO), *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            watch = _Memory(process.pid)
            watch.start()
            lines, steps, peaks = [], {}, {}
            for line in process.stdout or ():
                lines.append(line)
                found = _STEP.match(line)
                if found:
                    steps[found.group(1)] = float(found.group(2))
                    peaks[found.group(1)] = watch.taken()
        watch.stop()
        if process.returncode:
            sys.exit("".join(lines)[-3000:])
        return Timed(time.monotonic() - begun, steps, peaks | {"": watch.taken()})


class _Memory(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._done = threading.Event()
        self._peak = 0

    def run(self) -> None:
        while not self._done.wait(0.2):
            try:
                tree = [self._process, *self._process.children(recursive=True)]
                self._peak = max(self._peak, sum(p.memory_info().rss for p in tree))
            except psutil.NoSuchProcess:
                return

    def taken(self) -> int:
        """The most bytes since it was last asked."""
        peak, self._peak = self._peak, 0
        return peak

    def stop(self) -> None:
        self._done.set()
        self.join()


def print_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, tuple("-" * w for w in widths), *rows]:
        print(
            "  ".join(
                cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
        )
