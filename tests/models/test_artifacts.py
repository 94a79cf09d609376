import dataclasses
import hashlib
import io

import numpy as np
import pytest

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.models.artifacts import ARRAYS, CARD, packed, unpacked
from perso_pipeline.models.roster import ALL, build
from perso_pipeline.resources.model_files import LedgerEntry, entries, read_verified


class Planted:
    """Unpickling it would leave a trace."""

    ran = False

    def __reduce__(self):
        return setattr, (Planted, "ran", True)


DENSE = [[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [0, 1, 1, 1]]


@pytest.fixture
def data(make_matrix):
    return make_matrix(DENSE)


@pytest.fixture
def stored(data, config, tmp_path):
    """The files of a fitted item_knn in a folder, and their ledger."""
    files = packed(build(config, threads=1)["item_knn"].fit(data), data, version="v1", config=config)
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    return tmp_path, entries(files)


@pytest.mark.parametrize("name", ALL)
def test_a_model_comes_back_from_its_files_as_it_was(name, data, config, tmp_path):
    model = build(config, threads=1, names=[name])[name].fit(data)
    files = packed(model, data, version="v1", config=config)
    assert packed(build(config, threads=1, names=[name])[name].fit(data), data, version="v1", config=config) == files
    for file, body in files.items():
        (tmp_path / file).write_bytes(body)
    back = unpacked(name, read_verified(tmp_path, entries(files)), data, config, threads=1)
    people = np.arange(4)
    assert back.recommend(people, 3).item.tolist() == model.recommend(people, 3).item.tolist()
    with np.load(io.BytesIO(files[ARRAYS]), allow_pickle=False) as arrays:
        assert arrays["items"].tolist() == data.items.tolist()


def test_an_altered_file_is_refused(stored):
    folder, ledger = stored
    body = bytearray((folder / ARRAYS).read_bytes())
    body[len(body) // 2] ^= 1
    (folder / ARRAYS).write_bytes(body)
    with pytest.raises(PersoError, match="altered after it was stored"):
        read_verified(folder, ledger)


def test_a_missing_file_is_refused(stored):
    folder, ledger = stored
    (folder / CARD).unlink()
    with pytest.raises(PersoError, match="missing"):
        read_verified(folder, ledger)


@pytest.mark.parametrize("name", ALL)
def test_a_pickle_is_refused_even_with_the_right_hash(name, data, config):
    model = build(config, threads=1, names=[name])[name].fit(data)
    files = packed(model, data, version="v1", config=config)
    buffer = io.BytesIO()
    np.savez(buffer, **{f"model.{key}": np.array([Planted()], dtype=object) for key in [*model.arrays(), "more"]})
    with pytest.raises(PersoError, match="pickled or broken content"):
        unpacked(name, files | {ARRAYS: buffer.getvalue()}, data, config, threads=1)
    assert not Planted.ran


@pytest.mark.parametrize("body", [b"", b"\x80\x04K\x01.", b"PK\x03\x04 half a zip"], ids=["empty", "pickle", "cut off"])
def test_what_is_no_npz_is_refused(body, stored, data, config):
    folder, ledger = stored
    files = read_verified(folder, ledger) | {ARRAYS: body}
    with pytest.raises(PersoError, match="pickled or broken content"):
        unpacked("item_knn", files, data, config, threads=1)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", "", "x\x00y", "link"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    (folder / "link").symlink_to(tmp_path / "secret")
    entry = LedgerEntry(name, hashlib.sha256(b"x").hexdigest(), 1)
    with pytest.raises(PersoError, match="leads out of"):
        read_verified(folder, [entry])


def test_a_model_of_other_training_data_is_refused(stored, data, config):
    folder, ledger = stored
    other = dataclasses.replace(data, fingerprint="changed")
    with pytest.raises(PersoError, match="other data"):
        unpacked("item_knn", read_verified(folder, ledger), other, config, threads=1)
