"""Accounts that are deleted: the night as Dagster runs it erases them, with nobody at the keyboard; and kill -9 amid it."""

import gzip
import hashlib
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from driving import STAGES, Installation
from searching import places

pytestmark = pytest.mark.slow

NIGHT = "2026-10-31"
# somebody with an account, devices, lists and a past, who shares none of the devices
LEAVING = """
    select m.person_id, list(m.identifier order by m.identifier)
    from identity.identity_map as m
    where m.void_on is null and m.person_id in (
        select person_id from profiles.customer_profiles where night = date '2026-10-31' and orders > 0
    )
    group by m.person_id
    having count(*) filter (m.identifier like 'customer:C%') = 1 and count(*) filter (m.identifier like 'visitor:%') > 0
    order by len(list(m.identifier)) desc, m.person_id"""
STEPS = ("landing", "published", "warehouse", "warehouse file", "traces")


def delete_account(shop: Installation, customer: str) -> None:
    folder = shop.home / "landing" / "profile_events" / NIGHT
    record = {
        "event_id": "deleted-by-hand", "event_type": "account_deleted", "occurred_at": f"{NIGHT}T20:00:00Z",
        "site_id": "shop-uk", "customer_id": customer, "source_system": "shop",
    }  # fmt: skip
    (folder / "by-hand.jsonl.gz").write_bytes(gzip.compress((json.dumps(record) + "\n").encode(), mtime=0))


def test_a_night_erases_whoever_deleted_the_account(shop: Installation, tmp_path: Path) -> None:
    after = Installation(tmp_path / "home", is_gated=False)
    shutil.copytree(shop.home, after.home, symlinks=True)
    person, identifiers = shop.rows(LEAVING)[0]
    names = {person, *(identifier.split(":", 1)[1] for identifier in identifiers)}
    customer = next(i.split(":", 1)[1] for i in identifiers if i.startswith("customer:C"))
    delete_account(after, customer)
    assert places(after.home / "published", {person})
    net = "select sum(net) from measurement.revenue_report where night = date '2026-10-30'"
    [(before,)] = after.rows(net)

    said = after.perso("run", "--night", NIGHT)

    assert "1 people with" in said
    # of a device that somebody else used too that one's records stay
    shared = {
        name
        for name in names
        for stream in ("storefront_events", "profile_events")
        for _ in after.rows(f"select 1 from raw.{stream} where visitor_id = '{name}' limit 1")
    }
    assert places(after.home, names - shared, outside=["truth"]) == []
    assert after.rows(net) == [(before,)]  # the sums of a night before stay
    assert after.rows("select bool_and(accepted + rejected + erased = delivered) from raw.delivered_files") == [(True,)]
    assert "They were erased before" in after.perso("erase", "--person", customer)


def everything(shop: Installation) -> dict[str, object]:
    """All tables, landing, the published folder, the list and what the receipts say."""
    receipts = [json.loads(path.read_text()) for path in sorted((shop.home / "erasures").glob("20*.json"))]
    return {
        "tables": shop.fingerprints("raw", *STAGES),
        "landing": {
            path.relative_to(shop.home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((shop.home / "landing").rglob("*"))
            if path.is_file()
        },
        "published": sorted(path.name for path in (shop.home / "published").iterdir()),
        "list": (shop.home / "erasures" / "suppressed.txt").read_text(),
        "receipts": [
            {name: value for name, value in receipt.items() if name not in {"erased_at", "signature", "removed"}}
            for receipt in receipts
        ],
        "removed": [
            [entry for entry in receipt["removed"] if "places" not in entry]  # logs differ by when they were written
            for receipt in receipts
        ],
    }


def test_an_erasure_killed_at_every_step_ends_as_one_that_was_not(shop: Installation, tmp_path: Path) -> None:
    chosen = shop.rows(LEAVING)[:2]
    asked = tmp_path / "people.txt"
    asked.write_text("".join(f"{person}\n" for person, _ in chosen), encoding="utf-8")
    whole, victim = Installation(tmp_path / "whole"), Installation(tmp_path / "victim")
    for home in (whole, victim):
        shutil.copytree(shop.home, home.home, symlinks=True)
    whole.perso("erase", "--from", str(asked))

    log = victim.home / "started.log"
    for step in STEPS:
        log.write_bytes(b"")
        process = victim.start("erase", "--from", str(asked))
        while process.poll() is None and f"  {step}\n".encode() not in log.read_bytes():
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, log.read_text()
        assert (victim.home / "erasures" / "journal.json").exists()
    victim.perso("erase")

    assert not (victim.home / "erasures" / "journal.json").exists()
    log.unlink()
    assert everything(victim) == everything(whole)
    names = {person for person, _ in chosen}
    assert places(victim.home, names, outside=["truth"]) == []
    assert not list(victim.home.rglob("*.erasing"))
