"""People merged by mistake and taken apart again, against a shop in which the merge never was."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
import yaml
from driving import Installation

pytestmark = pytest.mark.slow

NIGHTS = ("--from", "2026-10-14", "--night", "2026-10-31", "--later-from", "2026-10-30")
# what the record says is kept; only what follows from it is as if it had never said so
KEEP_THE_EVIDENCE = {
    "staging.stg_profile_events", "identity.identifiers", "identity.identity_evidence", "identity.identity_edges",
    "identity.identity_rules",
}  # fmt: skip


def without_telephone(landing: Path, customer: str) -> int:
    """Take the telephone from a customer's account records; returns how many there were."""
    changed = 0
    for path in sorted((landing / "profile_events").glob("*/*.jsonl.gz")):
        lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
        for number, line in enumerate(lines):
            if f'"{customer}"' in line:
                record = json.loads(line)
                changed += record.pop("phone", None) is not None
                lines[number] = json.dumps(record) + "\n"
        path.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
    return changed


def test_an_unmerge_gives_every_later_table_of_a_history_in_which_the_merge_never_was(
    shop: Installation, tmp_path: Path
) -> None:
    # a second account that is known to be the first one's by nothing but their telephone
    second, telephone = shop.rows("""
        select identifier, any_value(other_identifier) from identity.identity_edges
        where identifier like 'customer:D%' and edge_type = 'account_phone' group by identifier
        having count(*) = 1 order by identifier limit 1
    """)[0]
    merged = Installation(tmp_path / "merged", tmp_path / "config", is_gated=False)
    shutil.copytree(shop.home, merged.home, symlinks=True)
    never = Installation(tmp_path / "never", is_gated=False)
    shutil.copytree(shop.home / "landing", never.home / "landing")
    assert without_telephone(never.home / "landing", second.removeprefix("customer:")) > 0
    never.perso("run", *NIGHTS)

    assert (
        merged.fingerprints("identity")["identity.identity_map"]
        != never.fingerprints("identity")["identity.identity_map"]
    )
    shutil.copytree(Path(__file__).parents[2] / "config", tmp_path / "config")
    rules = yaml.safe_load((tmp_path / "config" / "identity.yml").read_text(encoding="utf-8"))
    rules["unmerge"] = [[second, telephone]]
    (tmp_path / "config" / "identity.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    merged.perso("run", "--from", "2026-10-30", "--night", "2026-10-31")

    found, expected = merged.fingerprints(), never.fingerprints()
    differing = {name for name in expected if found[name] != expected[name]}
    assert differing <= KEEP_THE_EVIDENCE
