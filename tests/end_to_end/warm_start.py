"""A process that has imported the libraries and forks one child per command, so that a test need not wait for imports.

A command takes eight seconds to import what it needs and these tests give fifty. The child runs the command's own
``main`` in a session of its own, with its own environment, and ends as it would from a shell. Nothing of
perso_pipeline is imported before the fork: it reads the environment. Run as a script it is that process.
"""

import importlib
import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

LIBRARIES = (
    "dagster", "dagster_dbt", "dbt.cli.main", "dbt.adapters.duckdb", "duckdb", "duckdb_engine", "great_expectations",
    "great_expectations.datasource.fluent", "great_expectations.render.renderer", "great_expectations.render.view",
    "implicit.cpu.als", "implicit.nearest_neighbours", "matplotlib.pyplot", "mlflow", "mlflow.tracking", "pandas",
    "pyarrow.parquet", "scipy.optimize", "sklearn.cluster", "sklearn.linear_model", "sqlglot", "typer", "ua_parser",
)  # fmt: skip


class Command:
    """A command that was started; ``pid`` leads its own process group."""

    def __init__(self, server: "WarmStart", pid: int) -> None:
        self.pid = pid
        self._server = server
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, None while it runs; of a killed one the negative signal."""
        if self._code is None:  # an ended process can be asked for once only
            self._code = self._server.ask({"poll": self.pid})["code"]
        return self._code

    def wait(self) -> int:
        if self._code is None:
            self._code = self._server.ask({"wait": self.pid})["code"]
        assert self._code is not None
        return self._code


class WarmStart:
    """The forking process, started with the first command."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._one = threading.Lock()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> Command:
        """Start ``perso <arguments>``; what it prints is added to ``output``."""
        pid = self.ask({"arguments": list(arguments), "environment": dict(environment), "output": str(output)})["pid"]
        return Command(self, pid)

    def ask(self, question: Mapping[str, object]) -> dict[str, Any]:
        with self._one:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, __file__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    # waiting threads give up their core: two workers share two
                    env=os.environ
                    | {"GX_ANALYTICS_ENABLED": "false", "MPLBACKEND": "agg", "OMP_WAIT_POLICY": "passive"},
                )
            asking, answering = self._process.stdin, self._process.stdout
            assert asking is not None
            assert answering is not None
            asking.write(json.dumps(question) + "\n")
            asking.flush()
            answer = answering.readline()
        assert answer, "the process that starts commands has ended"
        return json.loads(answer)


def serve(questions: IO[str], answers: IO[str]) -> None:
    """Answer until the asking side closes."""
    for line in questions:
        question = json.loads(line)
        if "arguments" in question:
            answer = {"pid": _fork(question)}
        else:
            pid = question.get("wait") or question["poll"]
            found, status = os.waitpid(pid, 0 if "wait" in question else os.WNOHANG)
            answer = {"code": os.waitstatus_to_exitcode(status) if found else None}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _fork(question: Mapping[str, object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    with Path(str(question["output"])).open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.clear()
    os.environ.update(question["environment"])  # type: ignore[arg-type]
    sys.argv = ["perso", *question["arguments"]]  # type: ignore[misc]
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  (for the life of the process)
    try:
        importlib.import_module("perso_pipeline.cli").main()
    except BaseException:  # noqa: BLE001  (the child must not go on as the server)
        traceback.print_exc()
    os._exit(1)  # main leaves by itself


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    serve(sys.stdin, os.fdopen(os.dup(1), "w"))
