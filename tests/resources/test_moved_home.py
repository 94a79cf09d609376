import shutil
import sqlite3
from pathlib import Path

from perso_pipeline.resources.moved_home import follow_move


def database(folder: Path) -> Path:
    path = folder / "mlflow.db"
    place = (folder / "artifacts").as_uri()
    with sqlite3.connect(path) as connection:
        connection.executescript(
            f"""
            create table experiments (name text, artifact_location text);
            create table runs (artifact_uri text);
            create table model_versions (source text, storage_location text);
            insert into experiments values ('Default', '/elsewhere/0'), ('shop-uk', '{place}/shop-uk');
            insert into runs values ('{place}/shop-uk/r1/artifacts');
            insert into model_versions values ('{place}/shop-uk/r1/artifacts/model', null);
            """
        )
    connection.close()
    return path


def places(path: Path) -> set[str]:
    with sqlite3.connect(path) as connection:
        found = connection.execute(
            "select artifact_location from experiments where name = 'shop-uk' union select artifact_uri from runs "
            "union select source from model_versions"
        ).fetchall()
    connection.close()
    return {place for (place,) in found}


def test_the_copy_of_a_home_uses_its_own_artefacts(tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.mkdir()
    database(original)
    copy = tmp_path / "copy of it"
    shutil.copytree(original, copy)
    assert follow_move(copy / "mlflow.db", copy / "artifacts")
    here = (copy / "artifacts").as_uri()
    assert places(copy / "mlflow.db") == {
        f"{here}/shop-uk", f"{here}/shop-uk/r1/artifacts", f"{here}/shop-uk/r1/artifacts/model"
    }  # fmt: skip
    assert places(original / "mlflow.db") == {
        p.replace(here, (original / "artifacts").as_uri()) for p in places(copy / "mlflow.db")
    }


def test_a_home_that_stayed_is_left_alone(tmp_path: Path) -> None:
    path = database(tmp_path)
    before = path.read_bytes()
    assert not follow_move(path, tmp_path / "artifacts")
    assert path.read_bytes() == before


def test_no_database_yet_is_nothing_to_follow(tmp_path: Path) -> None:
    assert not follow_move(tmp_path / "mlflow.db", tmp_path / "artifacts")
    sqlite3.connect(tmp_path / "mlflow.db").close()
    assert not follow_move(tmp_path / "mlflow.db", tmp_path / "artifacts")
