"""What a person at the terminal meets: one sentence, exit code 2, no trace."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PERSO = Path(sys.executable).with_name("perso")


def perso(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PERSO), *arguments],
        env=os.environ | {"PERSO_HOME": str(home), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run"], "Nothing has been delivered to"),
        (["import", "online-retail", "nowhere.parquet"], "nowhere.parquet is not there"),
        (["simulate", "--sites", "shop-uk,shop-ed"], "Site 'shop-ed' is not in sites.yml (did you mean 'shop-de'?)"),
        (["rollback"], "published"),
        (["verify"], "only a simulated shop can be verified"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_mistake_is_one_sentence_and_exit_code_2(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    done = perso(tmp_path, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("perso: ")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("night", ["2026-01-01'; drop table raw.sites; --", "../../etc", "yesterday", "2026-13-01"])
def test_a_hostile_night_is_refused_as_no_date(tmp_path: Path, night: str) -> None:
    done = perso(tmp_path, "run", "--night", night)
    assert done.returncode == 2
    assert "does not match" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_shop_is_not_written_over_other_files(tmp_path: Path) -> None:
    other = tmp_path / "landing" / "order_events" / "2026-01-01"
    other.mkdir(parents=True)
    done = perso(tmp_path, "simulate", "--people", "60", "--items", "60", "--days", "2")
    assert done.returncode == 2
    assert "holds other files; choose another home" in done.stderr


def test_doctor_finds_an_unreadable_config_and_exits_1(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    done = subprocess.run(
        [str(PERSO), "doctor"],
        env=os.environ | {"PERSO_HOME": str(tmp_path / "home"), "PERSO_CONFIG_DIR": str(config), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "sites.yml is missing from" in done.stdout
