import dataclasses
import hashlib
import io
import zipfile

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


def test_an_object_array_is_never_stored(data, config, monkeypatch):
    model = build(config, threads=1)["popular"].fit(data)
    monkeypatch.setattr(type(model), "arrays", lambda _: {"planted": np.array([Planted()], dtype=object)})
    with pytest.raises(TypeError, match=r"without pickle: \['model.planted'\]"):
        packed(model, data, version="v1", config=config)


def test_a_member_that_would_unpack_to_more_than_the_file_is_refused(stored, data, config):
    folder, ledger = stored
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{"model.data": np.zeros(10_000_000)})
    with pytest.raises(PersoError, match="is compressed, which ours never are"):
        unpacked("item_knn", read_verified(folder, ledger) | {ARRAYS: buffer.getvalue()}, data, config, threads=1)


def test_a_member_whose_name_leads_out_of_the_archive_writes_nothing(stored, data, config, tmp_path, monkeypatch):
    folder, ledger = stored
    files = read_verified(folder, ledger)
    buffer = io.BytesIO(files[ARRAYS])
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("../../planted.npy", b"\x93NUMPY")
    with pytest.raises(PersoError, match="pickled or broken content"):
        unpacked("item_knn", files | {ARRAYS: buffer.getvalue()}, data, config, threads=1)
    assert not (tmp_path / "planted.npy").exists()


@pytest.mark.parametrize(
    "card", [b"", b"{", b"[]", b'{"model": "item_knn"}'], ids=["empty", "cut off", "a list", "short"]
)
def test_a_card_that_cannot_be_read_is_refused(card, stored, data, config):
    folder, ledger = stored
    with pytest.raises(PersoError, match="card of the stored model item_knn cannot be read"):
        unpacked("item_knn", read_verified(folder, ledger) | {CARD: card}, data, config, threads=1)


@pytest.mark.parametrize("name", ALL)
def test_arrays_of_another_model_are_refused_or_not_needed(name, data, config):
    model = build(config, threads=1, names=[name])[name].fit(data)
    files = packed(model, data, version="v1", config=config)
    buffer = io.BytesIO()
    np.savez(buffer, **{"model.something": np.zeros(3)})
    if not model.arrays():  # nothing was learnt, so nothing is read
        unpacked(name, files | {ARRAYS: buffer.getvalue()}, data, config, threads=1)
        return
    with pytest.raises(PersoError, match="does not hold the arrays of such a model"):
        unpacked(name, files | {ARRAYS: buffer.getvalue()}, data, config, threads=1)
