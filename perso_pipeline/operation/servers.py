"""``perso up``: Dagster, MLflow and the API side by side on this machine, stopped together.

Neither Dagster nor MLflow asks who is there, so all three listen on 127.0.0.1 only.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.resources.instance import prepare_dagster_home
from perso_pipeline.settings import PROJECT_ROOT, Settings

HOST = "127.0.0.1"
_GRACE_SECONDS = 15


@dataclass(frozen=True)
class Server:
    """One process to start."""

    name: str
    port: int
    command: tuple[str, ...]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


def servers(settings: Settings, *, dagster_port: int, mlflow_port: int, api_port: int) -> list[Server]:
    """What ``perso up`` starts."""
    programs = Path(sys.executable).parent
    settings.mlflow_dir.mkdir(parents=True, exist_ok=True)
    return [
        Server(
            "Dagster", dagster_port,
            (
                str(programs / "dagster"), "dev", "-w", str(PROJECT_ROOT / "workspace.yaml"),
                "-h", HOST, "-p", str(dagster_port),
            ),
        ),
        Server(
            "MLflow", mlflow_port,
            (
                str(programs / "mlflow"), "server", "--host", HOST, "--port", str(mlflow_port), "--workers", "1",
                "--backend-store-uri", settings.mlflow_uri, "--serve-artifacts",
                "--artifacts-destination", str(settings.mlflow_dir / "artifacts"),
            ),
        ),
        Server(
            "API", api_port,
            (
                str(programs / "uvicorn"), "perso_pipeline.serving.app:app",
                "--host", HOST, "--port", str(api_port), "--log-level", "warning",
            ),
        ),
    ]  # fmt: skip


def run_servers(settings: Settings, wanted: Sequence[Server], *, say: Callable[[str], None]) -> None:
    """Start all, wait until one ends or the user stops them, then stop the rest.

    Raises:
        PersoError: a port is taken, or a server ended by itself; names it and the log to read.
    """
    for server in wanted:
        _refuse_taken_port(server)
    prepare_dagster_home(settings)
    logs = settings.home.resolve() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "DAGSTER_HOME": str(settings.dagster_home),
        "PERSO_HOME": str(settings.home.resolve()),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    running: list[tuple[Server, subprocess.Popen[bytes]]] = []
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        for server in wanted:
            with (logs / f"{server.name.lower()}.log").open("ab") as log:
                process = subprocess.Popen(  # noqa: S603 -- our own programs with our own arguments
                    server.command, env=environment, stdout=log, stderr=log, start_new_session=True, cwd=PROJECT_ROOT
                )
            running.append((server, process))
        for server, process in running:
            _wait_until_open(server, process, logs)
            say(f"{server.name:8} {server.url}")
        say("Ctrl-C stops all three.")
        while all(process.poll() is None for _, process in running):
            time.sleep(0.5)
        server = next(server for server, process in running if process.poll() is not None)
        msg = f"{server.name} ended by itself; {logs / (server.name.lower() + '.log')} says why."
        raise PersoError(msg)
    except KeyboardInterrupt:
        say("Stopping.")
    finally:
        _stop([process for _, process in running])


def _refuse_taken_port(server: Server) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, server.port))
        except OSError as error:
            option = f"--{server.name.lower()}-port"
            msg = f"Port {server.port} for {server.name} is taken; stop what uses it or choose another with {option}."
            raise PersoError(msg) from error


def _wait_until_open(server: Server, process: subprocess.Popen[bytes], logs: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, server.port)) == 0:
                return
        time.sleep(0.2)
    msg = f"{server.name} did not start; {logs / (server.name.lower() + '.log')} says why."
    raise PersoError(msg)


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    for process in processes:
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
