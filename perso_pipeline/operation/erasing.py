"""``perso erase`` in words: what is asked for, what would go, what went."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.erasure.erase import deleted_accounts, erase, plan, redelivered, resume
from perso_pipeline.erasure.journal import Journal
from perso_pipeline.erasure.receipt import check
from perso_pipeline.resources.instance import close_killed_runs, open_instance, runs_under_way
from perso_pipeline.settings import Settings

Say = Callable[[str], None]


def words_of(person: str, file: Path | None) -> list[str]:
    """The ids asked for; none where neither is given."""
    if person and file:
        msg = "Give either --person or --from, not both."
        raise PersoError(msg)
    if file is None:
        return [person.strip()] if person.strip() else []
    try:
        words = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{file} cannot be read as text; give a file with one id per line."
        raise PersoError(msg) from error
    words = [word for word in words if word]
    if not words:
        msg = f"{file} holds no id; write one per line."
        raise PersoError(msg)
    return words


def show_plan(settings: Settings, words: list[str], *, say: Say) -> None:
    """Say what an erasure would take, and take nothing."""
    if not words:
        msg = "Say who: --person ID, or --from a file with one id per line."
        raise PersoError(msg)
    planned = plan(settings, words)
    if planned is None:
        say("They were erased before; nothing would go.")
        return
    people = planned.people
    say(f"{people.count:,} people with {len(people.identifiers):,} identifiers would go:")
    for stream, records in planned.records().items():
        say(f"  {records:,} records of {stream}")
    if people.shared:
        say(f"  {len(people.shared):,} identifiers are named by others too and would stay in their records.")
    for name in planned.unreadable:
        say(f"  landing/{name} cannot be read and would not be searched.")
    say("Nothing was erased.")


def erase_people(settings: Settings, words: list[str], *, say: Say) -> None:
    """Erase, and say where the receipt is."""
    _refuse_beside_a_night(settings)
    receipt = erase(settings, words, say=say)
    if receipt is None:
        say("They were erased before; nothing was left.")
        return
    content = check(receipt, settings.hash_key_bytes)
    if content["people"]:
        say(f"{content['people']:,} people with {content['identifiers']:,} identifiers were erased.")
    else:
        say("What was delivered again of people erased before was taken out of the landing files.")
    say(f"Receipt: {receipt}")
    say("Tables of past nights keep their sums; a night that is run again counts without them.")


def check_receipt(settings: Settings, receipt: Path, *, say: Say) -> None:
    """Verify the signature and print what was removed where."""
    content = check(receipt, settings.hash_key_bytes)
    say(f"Signed by this installation. Erased at {content['erased_at']}: {content['people']:,} people.")
    for entry in content["removed"]:
        count = next(f"{value:,} {unit}" for unit, value in entry.items() if unit != "where")
        say(f"  {entry['where']}: {count}")


def show_receipts(settings: Settings, *, since: datetime, say: Say) -> None:
    """Say what nights erased since a moment: deleted accounts, and what came again of people erased before."""
    for path in sorted(settings.erasures_dir.glob("20*.json")):
        content = check(path, settings.hash_key_bytes)
        if datetime.fromisoformat(content["erased_at"]) >= since.replace(microsecond=0):
            say(f"{content['people']:,} people with {content['identifiers']:,} identifiers were erased: {path}")


def finish_interrupted(settings: Settings, *, say: Say) -> None:
    """Before a night: an erasure that was killed is taken up first."""
    if Journal(settings.erasures_dir).read() is not None:
        _refuse_beside_a_night(settings)
        resume(settings, say=say)
        say("An erasure that had been interrupted was finished.")


def erase_after_night(settings: Settings, *, say: Say) -> None:
    """As the night does at its end: customers whose account was deleted, and what came again of people erased."""
    words = deleted_accounts(settings)
    if words or redelivered(settings):
        say(f"Erasing {len(words):,} deleted accounts and what came again of people erased before:")
        erase_people(settings, words, say=say)


def _refuse_beside_a_night(settings: Settings) -> None:
    """A night that is under way holds people in memory and would write them again."""
    with open_instance(settings) as instance:
        close_killed_runs(instance)
        running = runs_under_way(instance)
    if running:
        msg = f"Run {running[0][:8]} is under way; erase when it has ended, or end it in the Dagster UI first."
        raise PersoError(msg)
