"""Bad data stops a night at its gate, and the mended night: all gates, no network, no address in clear."""

import gzip
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from driving import Installation

pytestmark = pytest.mark.slow

NIGHT = "2026-10-31"
LATER = ("profiles", "segments", "models", "recommendations", "measurement")
E_MAIL = re.compile(rb"[A-Za-z0-9._%+-]{2,64}@example\.(?:com|org)")
PHONE = re.compile(rb"\+(?:44|49)\d{9,11}")
# two characters say as much as all: an open beginning tries every place of a long run of letters, two minutes for a home
IN_CLEAR = re.compile(rb"[A-Za-z0-9._%+-]{2}@example\.(?:com|org)|" + PHONE.pattern)
GUARD = """
import socket

_connect = socket.socket.connect


def _only_here(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"the network was touched: {address}")
    return _connect(self, address)


def _no_names(host, *rest, **more):
    if host not in (None, "127.0.0.1", "localhost", "::1"):
        raise AssertionError(f"a name was looked up: {host}")
    return _getaddrinfo(host, *rest, **more)


_getaddrinfo = socket.getaddrinfo
socket.socket.connect = _only_here
socket.getaddrinfo = _no_names
"""


@dataclass(frozen=True)
class Broken:
    """A shop of which the last night's events had another format, and the right file after that."""

    shop: Installation
    stopped: str  # what the night said
    left_alone: bool  # the later stages' tables and the published folder
    mended: str  # what `perso replay` said


@pytest.fixture(scope="module")
def broken(shop: Installation, tmp_path_factory: pytest.TempPathFactory) -> Broken:
    folder = tmp_path_factory.mktemp("broken")
    mine = Installation(folder / "home")
    shutil.copytree(shop.home, mine.home, symlinks=True)
    before = mine.fingerprints(*LATER)
    published = (mine.home / "published" / "current").resolve()
    landing = mine.home / "landing" / "storefront_events" / NIGHT
    for file in landing.iterdir():
        file.unlink()
    renamed = '{"id": "1", "type": "product_view", "time": "2026-10-31T10:00:00Z"}\n' * 500
    (landing / "events.jsonl").write_text(renamed, encoding="utf-8")

    stopped = mine.perso("run", "--night", NIGHT, expect=2)

    left_alone = mine.fingerprints(*LATER) == before and (mine.home / "published" / "current").resolve() == published
    # the mend: the right file again, one command, with the way to the network closed: every Python process of the run,
    # dbt's included, imports sitecustomize first; it fails on any connection out
    shutil.rmtree(landing)
    shutil.copytree(shop.home / "landing" / "storefront_events" / NIGHT, landing)
    (folder / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        mended = mine.perso_in_a_new_process("replay")
    return Broken(mine, stopped, left_alone, mended)


def test_a_night_whose_events_have_another_format_stops_at_the_first_gate(broken: Broken) -> None:
    assert "The gate on raw.storefront_events stopped run" in broken.stopped
    worst = "500 of 500 records of 2026-10-31 were rejected (100%), most often because event_id is missing"
    assert worst in broken.stopped
    assert broken.left_alone


def test_the_mended_night_passes_every_gate_and_is_the_night_that_never_broke(
    broken: Broken, shop: Installation
) -> None:
    assert "storefront_events: rejected " in broken.mended
    assert len(re.findall(r"^  \w+_gate\w* ", broken.mended, re.MULTILINE)) > 20
    assert broken.shop.fingerprints() == shop.fingerprints()


def test_the_network_is_not_touched(broken: Broken) -> None:
    assert "the network was touched" not in broken.mended
    assert "a name was looked up" not in broken.mended


def test_no_address_stands_in_clear_anywhere_but_in_landing(broken: Broken) -> None:
    home = broken.shop.home
    landing = b"".join(
        _content(p) for p in sorted((home / "landing" / "profile_events").glob("*/*")) if p.suffix in {".gz", ".jsonl"}
    )
    assert len(set(E_MAIL.findall(landing))) > 100
    assert len(set(PHONE.findall(landing))) > 100
    assert any((home / "data_docs").iterdir())
    for path in sorted(home.rglob("*")):
        kept_by_design = {"landing", "truth"} & set(path.relative_to(home).parts)
        if path.is_file() and not path.is_symlink() and not kept_by_design:
            assert not IN_CLEAR.search(path.read_bytes()), path


def _content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def test_a_table_of_an_older_version_is_named_and_made_anew_from_raw(shop: Installation, tmp_path: Path) -> None:
    old = Installation(tmp_path / "old")
    shutil.copytree(shop.home, old.home, symlinks=True)
    with duckdb.connect(str(old.warehouse)) as connection:
        connection.execute("alter table interactions.sessions drop column browser")

    output = old.perso("run", "--night", NIGHT, "--facts-only", expect=2)

    assert "Table sessions was made by another version of perso_pipeline" in output
    assert "`perso run --rebuild-facts`" in output
    old.perso("run", "--rebuild-facts")
    facts = ("staging", "identity", "interactions")
    assert old.fingerprints(*facts) == shop.fingerprints(*facts)
