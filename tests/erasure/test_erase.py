"""An erasure from plan to receipt on a small installation; killed at every step, it ends the same."""

from pathlib import Path

import numpy as np
import pytest

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.erasure import artefacts, compaction, erase, landing, traces, warehouse
from perso_pipeline.erasure.journal import Journal
from perso_pipeline.erasure.receipt import check
from perso_pipeline.recommendations import publish
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import Settings
from tests.erasure.installation import NIGHT, copy_of, deliver, event, state

NAMES = ("c-ann-1", "v-ann-1", "pann")


def test_one_person_goes_and_the_other_stays(settings: Settings) -> None:
    receipt = erase.erase(settings, ["c-ann-1"], say=lambda _: None)

    found = state(settings)
    left = found["text"].decode().split("\n")
    assert [bool(line) for line in left] == [False, True, False, True, False]  # lines keep their numbers
    assert found["rows"] == ["e6"]
    assert [row["event_id"] for row in found["raw"]] == ["e2", "e4", "e6"]
    assert [(r["delivered"], r["accepted"], r["rejected"], r["erased"]) for r in found["books"]] == [
        (4, 2, 0, 2),
        (2, 1, 0, 1),
    ]
    assert found["superseded"] == [{"line": 1}]  # row 2 of the Parquet file is row 1 now
    assert found["people"] == [{"person_id": "pbob"}]
    assert found["counts"] == [{"people": 2}]
    own = [[0.0, 1.0]]
    assert found["model"] == {"people": ["pbob"], "model.user_factors": own, "model.als.user_factors": own}
    assert found["events"] == [('{"preview": "| xxxx | pbob | pannini |"}',)]
    assert receipt is not None
    content = check(receipt, settings.hash_key_bytes)
    assert {"where": "profiles.customer_profiles", "rows": 1} in content["removed"]
    assert not Journal(settings.erasures_dir).read()
    for path in settings.home.rglob("*"):
        if path.is_file():
            assert not [name for name in NAMES if name.encode() + b'"' in path.read_bytes()], path


STEPS = {
    "suppression": (erase, "_suppress"),
    "landing": (landing, "rewrite"),
    "model files planned": (erase, "_plan_artefacts"),
    "model files": (erase, "_write_artefacts"),
    "published": (publish, "rewrite"),
    "warehouse": (warehouse, "delete"),
    "warehouse file": (compaction, "compact"),
    "traces": (traces, "blot_out"),
    "receipt": (erase, "_receipt"),
}


@pytest.mark.parametrize("is_done", [False, True], ids=["before the step", "after the step"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_and_called_again_it_ends_the_same(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str, is_done: bool, whole: dict[str, object]
) -> None:
    settings.published_dir.mkdir()
    module, name = STEPS[step]
    true = getattr(module, name)

    def killed(*args: object, **kwargs: object) -> object:
        if is_done:
            true(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, name, killed)
        with pytest.raises(KeyboardInterrupt):
            erase.erase(settings, ["v-ann-1"], say=lambda _: None)

    assert erase.erase(settings, ["v-ann-1"], say=lambda _: None) is not None

    assert state(settings) == whole
    assert erase.erase(settings, ["v-ann-1"], say=lambda _: None) is None


@pytest.fixture(scope="module")
def whole(template: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What an erasure that nobody interrupts leaves."""
    undisturbed = copy_of(template, tmp_path_factory.mktemp("whole"))
    erase.erase(undisturbed, ["v-ann-1"], say=lambda _: None)
    return state(undisturbed)


def test_somebody_unknown_is_refused_and_nothing_goes(settings: Settings) -> None:
    before = state(settings)
    with pytest.raises(PersoError, match=r"^Line 2 is no person id.*nothing was erased\.$"):
        erase.erase(settings, ["c-ann-1", "nobody@example.org"], say=lambda _: None)
    assert state(settings) == before


def test_a_dry_run_tells_the_records_and_takes_nothing(settings: Settings) -> None:
    before = state(settings)
    planned = erase.plan(settings, ["pann"])
    assert planned is not None
    assert planned.records() == {"storefront_events": 3}
    assert state(settings) == before


def test_an_artefact_without_people_stays(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", popularity=np.ones(3))
    assert list(artefacts.without(tmp_path, ["pann"])) == []


def account(number: int, event_type: str, customer: str, hour: int) -> dict[str, object]:
    return {
        "event_id": f"a{number}", "event_type": event_type, "occurred_at": f"2026-01-02T{hour:02}:00:00Z",
        "site_id": "uk", "customer_id": customer,
    }  # fmt: skip


def test_an_account_counts_as_deleted_unless_it_was_created_again(settings: Settings) -> None:
    deliver(settings, "profile_events", "a.jsonl", [
        account(1, "account_created", "c-ann-1", 8), account(2, "account_deleted", "c-ann-1", 9),
        account(3, "account_deleted", "c-bob-1", 8), account(4, "account_created", "c-bob-1", 9),
        account(5, "account_deleted", "c-nobody-knows", 9),
    ])  # fmt: skip
    assert erase.deleted_accounts(settings) == ["customer:c-ann-1"]
    erase.erase(settings, erase.deleted_accounts(settings), say=lambda _: None)
    assert erase.deleted_accounts(settings) == []


def test_what_is_delivered_again_leaves_landing_too(settings: Settings) -> None:
    erase.erase(settings, ["c-ann-1"], say=lambda _: None)
    deliver(settings, "storefront_events", "again.jsonl", [event(1, "v-ann-1"), event(9, "v-bob-1")])
    assert erase.redelivered(settings) == {("storefront_events", NIGHT)}
    assert [row["event_id"] for row in state(settings)["raw"]] == ["e2", "e4", "e6", "e9"]

    assert erase.erase(settings, [], say=lambda _: None) is not None

    again = settings.landing_dir / "storefront_events" / "2026-01-02" / "again.jsonl"
    assert "v-ann-1" not in again.read_text(encoding="utf-8")
    assert "v-bob-1" in again.read_text(encoding="utf-8")
    assert erase.redelivered(settings) == set()
    books = {row["file"].split("/")[-1]: row for row in state(settings)["books"]}["again.jsonl"]
    assert (books["delivered"], books["accepted"], books["erased"]) == (2, 1, 1)
    assert erase.erase(settings, [], say=lambda _: None) is None


def test_a_rewritten_file_keeps_its_time_of_change(settings: Settings) -> None:
    file = settings.landing_dir / "storefront_events" / "2026-01-02" / "a.jsonl.gz"
    before = file.stat()
    erase.erase(settings, ["c-ann-1"], say=lambda _: None)
    assert file.stat().st_size < before.st_size
    assert file.stat().st_mtime_ns == before.st_mtime_ns


def test_an_identifier_with_its_kind_means_that_one_only(settings: Settings) -> None:
    with DuckDBWarehouse(settings.warehouse_path).connect() as connection:
        connection.execute(
            "insert into identity.identity_map values ('loyalty:c-ann-1', 'loyalty', 'pbob', 1.0, '2026-01-02', null)"
        )
    planned = erase.plan(settings, ["customer:c-ann-1"])
    assert planned is not None
    assert "pann" in planned.people.person_ids


def test_a_word_that_means_two_people_is_refused(settings: Settings) -> None:
    with DuckDBWarehouse(settings.warehouse_path).connect() as connection:
        connection.execute(
            "insert into identity.identity_map values ('loyalty:c-ann-1', 'loyalty', 'pbob', 1.0, '2026-01-02', null)"
        )
    with pytest.raises(PersoError, match="Word 1 means 2 people; give the person id"):
        erase.erase(settings, ["c-ann-1"], say=lambda _: None)
