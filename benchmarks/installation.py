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
    peak_bytes: int  # of the whole process tree at one time


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
            output = process.stdout.read() if process.stdout else ""
        watch.stop()
        if process.returncode:
            sys.exit(output[-3000:])
        found = (_STEP.match(line) for line in output.splitlines())
        steps = {m.group(1): float(m.group(2)) for m in found if m}
        return Timed(time.monotonic() - begun, steps, watch.peak)


class _Memory(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._done = threading.Event()
        self.peak = 0

    def run(self) -> None:
        while not self._done.wait(0.2):
            try:
                tree = [self._process, *self._process.children(recursive=True)]
                self.peak = max(self.peak, sum(p.memory_info().rss for p in tree))
            except psutil.NoSuchProcess:
                return

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
