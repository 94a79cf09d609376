"""No address in clear outside landing, no way out to the network, and a night again is the same night."""

import re
from pathlib import Path

import pytest
from driving import Installation

pytestmark = pytest.mark.slow

E_MAIL = re.compile(rb"[A-Za-z0-9._%+-]{2,64}@example\.(?:com|org)")
PHONE = re.compile(rb"\+(?:44|49)\d{9,11}")
# two characters say as much as all: an open beginning tries every place of a long run of letters, two minutes for a home
IN_CLEAR = re.compile(rb"[A-Za-z0-9._%+-]{2}@example\.(?:com|org)|" + PHONE.pattern)


def test_no_address_stands_in_clear_anywhere_but_in_landing(shop: Installation) -> None:
    landing = b"".join(
        _content(p)
        for p in sorted((shop.home / "landing" / "profile_events").glob("*/*"))
        if p.suffix in {".gz", ".jsonl"}
    )
    assert len(set(E_MAIL.findall(landing))) > 100
    assert len(set(PHONE.findall(landing))) > 100
    for path in sorted(shop.home.rglob("*")):
        kept_by_design = {"landing", "truth"} & set(path.relative_to(shop.home).parts)
        if path.is_file() and not path.is_symlink() and not kept_by_design:
            assert not IN_CLEAR.search(path.read_bytes()), path


def _content(path: Path) -> bytes:
    import gzip

    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


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


def test_a_night_run_again_with_the_way_to_the_network_closed_gives_the_same_tables(
    shop: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # every Python process of the run, dbt's included, imports sitecustomize first; it fails on any connection out
    (tmp_path / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    before = shop.fingerprints()
    output = shop.perso_in_a_new_process("run", "--night", "2026-10-31")
    assert shop.fingerprints() == before
    assert "the network was touched" not in output
    assert "a name was looked up" not in output
