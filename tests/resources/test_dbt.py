"""The parsed dbt project is whole for every process, whoever else parses it or dies at it."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from perso_pipeline.resources import dbt


def test_processes_that_start_together_parse_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def slow_parse(arguments: Sequence[str]) -> None:
        folder = Path(arguments[arguments.index("--target-path") + 1])
        calls.append(folder.name)
        for name in ("partial_parse.msgpack", "manifest.json"):
            (folder / name).write_text('{"half":')
        time.sleep(0.2)
        for name in ("partial_parse.msgpack", "manifest.json"):
            (folder / name).write_text("{}")

    monkeypatch.setattr(dbt, "_invoke", slow_parse)
    target = tmp_path / "target"
    seen: set[str] = set()
    threads = [threading.Thread(target=dbt._parse, args=(target, 1000.0)) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if (target / "manifest.json").exists():
            seen.add((target / "manifest.json").read_text())
    assert len(calls) == 1
    assert seen | {(target / "manifest.json").read_text()} == {"{}"}
    assert (target / "manifest.json").stat().st_mtime == 1000.0


def test_a_parse_that_dies_leaves_the_former_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "manifest.json").write_text("former")

    def dies(arguments: Sequence[str]) -> None:
        (Path(arguments[arguments.index("--target-path") + 1]) / "manifest.json").write_text('{"half":')
        raise KeyboardInterrupt

    monkeypatch.setattr(dbt, "_invoke", dies)
    with pytest.raises(KeyboardInterrupt):
        dbt._parse(tmp_path, time.time())
    assert (tmp_path / "manifest.json").read_text() == "former"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.json", "parse.lock"]
