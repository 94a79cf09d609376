"""An erasure from plan to receipt. Each step can be repeated; the journal says how far one came.

The order: first nobody can come back (suppression list), then files, the warehouse last, because it is where people
are found. Keep what a step does in its module.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.erasure import artefacts, compaction, landing, sessions, traces, warehouse
from perso_pipeline.erasure.journal import Journal, replace_file
from perso_pipeline.erasure.landing import FilePlan
from perso_pipeline.erasure.people import People, candidates, find_people, hashed
from perso_pipeline.erasure.receipt import sign
from perso_pipeline.erasure.rows import condition, give_people
from perso_pipeline.identity.config import IdentityRules
from perso_pipeline.raw.suppression import LIST_NAME, read_list
from perso_pipeline.recommendations import publish
from perso_pipeline.resources.opening import open_warehouse
from perso_pipeline.resources.warehouse_lock import WarehouseLock
from perso_pipeline.settings import Settings

Say = Callable[[str], None]
SHARED = "identifiers_shared_with_others_and_kept_in_their_records"
DEVICES = "devices_among_them"


@dataclass(frozen=True)
class Planned:
    """What an erasure would take: people, and records by stream."""

    people: People
    files: tuple[FilePlan, ...]
    unreadable: tuple[str, ...]

    def records(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for file in self.files:
            counts[file.stream] = counts.get(file.stream, 0) + len(file.lines)
        return counts


def plan(settings: Settings, words: Sequence[str]) -> Planned | None:
    """Who would go with which records; None where all of them were erased before.

    Raises:
        PersoError: a word means nobody, or several people.
    """
    store = open_warehouse(settings)
    if not store.exists("identity.identity_map"):
        msg = "Nobody is known here yet; run a night first with 'perso run'."
        raise PersoError(msg)
    key, suppressed = settings.hash_key_bytes, read_list(settings.erasures_dir)
    with store.connect(read_only=True, purpose="erasing people") as connection:
        people, unknown = find_people(connection, words, key, suppressed)
    strangers = [place for place in unknown if not hashed(candidates(words[place], key), key) & suppressed]
    if strangers:
        whom = "It is" if len(words) == 1 else f"Line {strangers[0] + 1} is"
        msg = (
            f"{whom} no person id, customer number, device, card, e-mail address or telephone that is known here; "
            "nothing was erased."
        )
        raise PersoError(msg)
    nights = redelivered(settings) if not people.identifiers else None
    if nights is not None and not nights:
        return None
    found = landing.search(
        settings.landing_dir,
        hashed(people.names(), key) | suppressed,
        key,
        memory_limit=settings.memory_limit,
        threads=settings.threads,
        only=nights,
    )
    return Planned(people, found.files, found.unreadable)


def redelivered(settings: Settings) -> set[tuple[str, date]]:
    """Streams and nights whose files hold records of people erased before: left out when read, still in the file."""
    store = open_warehouse(settings)
    if not store.exists("raw.erased_records"):
        return set()
    rows = store.query(
        """
        select distinct d.stream, d.load_date from raw.delivered_files as d
        left join raw.erased_records as e
            on e.load_date = d.load_date and e.stream = d.stream and e.file = d.file and e.bytes = d.bytes
        where coalesce(d.erased, 0) > coalesce(e.records, 0)"""
    )
    return {(row["stream"], row["load_date"]) for row in rows.to_pylist()}


def deleted_accounts(settings: Settings) -> list[str]:
    """Customers, as identifiers, whose last account event says that the account was deleted."""
    store = open_warehouse(settings)
    if not store.exists("identity.identity_map"):
        return []
    rows = store.query(
        """
        select 'customer:' || customer_id as customer from raw.profile_events
        where event_type in ('account_created', 'account_deleted')
            and 'customer:' || customer_id in (select identifier from identity.identity_map)
        group by customer_id
        having max_by(event_type, (occurred_at, event_id)) = 'account_deleted'
        order by customer_id"""
    )
    return [str(customer) for customer in rows["customer"].to_pylist()]


def erase(settings: Settings, words: Sequence[str], *, say: Say) -> Path | None:
    """Erase the people whom ``words`` mean and return the receipt; finishes an erasure that was killed first.

    Returns None where nothing was left to erase.

    Raises:
        PersoError: as ``plan``; nothing was erased then.
    """
    with WarehouseLock.hold(settings.warehouse_path, purpose="erasing people"):
        done = resume(settings, say=say)
        planned = plan(settings, words)
        if planned is None or not (planned.files or planned.people.identifiers):
            return done
        journal: dict[str, Any] = {
            "people": planned.people.as_json(),
            "files": [asdict(file) for file in planned.files],
            "unreadable": list(planned.unreadable),
            "at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
            "done": {},
        }
        Journal(settings.erasures_dir).write(journal)
        return resume(settings, say=say)


def resume(settings: Settings, *, say: Say) -> Path | None:
    """Take up what the journal holds; None where there is nothing."""
    journal = Journal(settings.erasures_dir)
    with WarehouseLock.hold(settings.warehouse_path, purpose="erasing people"):
        state = journal.read()
        if state is None:
            return None
        people = People.from_json(state["people"])
        files = [FilePlan(**{**file, "lines": tuple(file["lines"])}) for file in state["files"]]
        done: dict[str, Any] = state["done"]

        def step(name: str, work: Callable[[], Any]) -> None:
            if name not in done:
                say(f"  {name}")
                done[name] = work()
                journal.write(state)

        key = settings.hash_key_bytes
        erasure_id = hmac.new(
            key,
            b"erasure:" + "\n".join([*people.identifiers, *map(str, files if not people.identifiers else [])]).encode(),
            hashlib.sha256,
        )
        id_ = erasure_id.hexdigest()[:16]
        step("suppression", lambda: _suppress(settings, people))
        step("landing", lambda: landing.rewrite_all(settings.landing_dir, files, threads=settings.threads))
        step("model files planned", lambda: _plan_artefacts(settings, people))
        step("model files", lambda: _write_artefacts(settings, people))
        renamed = state.setdefault("renamed", {})
        blotted = state.setdefault("blotted", {})

        def note(entries: dict[str, Any]) -> Callable[..., None]:
            def tell(name: str, *told: Any) -> None:
                entries[name] = told
                journal.write(state)

            return tell

        step("published", lambda: _publish(settings, people, note(renamed)))
        step("warehouse", lambda: _delete(settings, people, files, state, id_))
        step("sessions of devices that others use too", lambda: _renew_sessions(settings, people))
        step("warehouse file", lambda: _compact(settings))
        step("traces", lambda: _blot_out(settings, people, note(blotted)))
        receipt = settings.erasures_dir / f"{state['at'][:10]}-{id_}.json"
        content = _receipt(state, people, files, id_, key)
        replace_file(receipt, _pretty(sign(content, key)), mode=0o644)
        journal.remove()
        return receipt


def _suppress(settings: Settings, people: People) -> int:
    added = hashed(people.lasting_names(), settings.hash_key_bytes)
    known = read_list(settings.erasures_dir)
    replace_file(settings.erasures_dir / LIST_NAME, "\n".join(sorted(known | added)) + "\n")
    return len(added)


def _plan_artefacts(settings: Settings, people: People) -> dict[str, list[Any]]:
    made = artefacts.without(settings.mlflow_dir, people.person_ids)
    return {file.before: [file.sha256, len(file.body), str(file.path), file.rows] for file in made}


def _write_artefacts(settings: Settings, people: People) -> int:
    count = 0
    for file in list(artefacts.without(settings.mlflow_dir, people.person_ids)):
        draft = file.path.with_name(f".{file.path.name}.erasing")
        draft.write_bytes(file.body)
        draft.replace(file.path)
        count += 1
    return count


def _blot_out(settings: Settings, people: People, tell: Callable[[str, int], None]) -> None:
    if people.identifiers:
        traces.blot_out(settings.home.resolve(), traces.pattern(people), tell)


def _publish(settings: Settings, people: People, tell: Callable[[str, str, int], None]) -> None:
    if not settings.published_dir.exists():
        return
    with duckdb.connect(":memory:", config=dict(open_warehouse(settings).config)) as connection:
        give_people(connection, people)
        publish.rewrite(settings.published_dir, connection, partial(condition, is_identity=False), tell)


def _compact(settings: Settings) -> None:
    compaction.compact(open_warehouse(settings))


def _renew_sessions(settings: Settings, people: People) -> None:
    if people.devices_of_others:
        sessions.renew(settings, open_warehouse(settings), people.devices_of_others)


def _delete(
    settings: Settings, people: People, files: Sequence[FilePlan], state: dict[str, Any], id_: str
) -> dict[str, int]:
    done = state["done"]
    return warehouse.delete(
        open_warehouse(settings),
        people,
        files,
        done["landing"],
        {before: (entry[0], entry[1]) for before, entry in done["model files planned"].items()},
        {before: entry[0] for before, entry in state["renamed"].items()},
        read_config(settings.config_dir / "identity.yml", IdentityRules),
        erasure_id=id_,
    )


def _receipt(state: dict[str, Any], people: People, files: Sequence[FilePlan], id_: str, key: bytes) -> dict[str, Any]:
    done = state["done"]
    removed = [{"where": f"landing/{f.name}", "records": len(f.lines)} for f in files]
    removed += [{"where": table, "rows": rows} for table, rows in done["warehouse"].items()]
    removed += [
        {"where": f"model file {Path(path).parent.parent.parent.name}/{Path(path).name}", "rows": rows}
        for _, _, path, rows in done["model files planned"].values()
    ]
    removed += [{"where": f"published/{now}", "rows": gone} for now, gone in state["renamed"].values()]
    removed += [{"where": path, "places": places} for path, (places,) in state["blotted"].items()]
    return {
        "erasure": id_,
        "erased_at": state["at"],
        "people": people.count,
        "identifiers": len(people.identifiers),
        SHARED: len(people.shared),
        DEVICES: sum(name.startswith("visitor:") for name in people.shared),
        "subjects": sorted(hashed(people.lasting_names(), key)),
        "removed": removed,
        "files_that_could_not_be_searched": state["unreadable"],
    }


def _pretty(content: dict[str, Any]) -> str:
    import json

    return json.dumps(content, indent=1) + "\n"
