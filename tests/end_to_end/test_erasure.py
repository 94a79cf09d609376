"""Three people leave: no file names them any more, nights run on, and nothing of them comes back."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from driving import Installation
from searching import places

pytestmark = pytest.mark.slow

NIGHT = "2026-10-31"
MOST_WRITTEN_OF = """
    with people as (
        select m.person_id, list(m.identifier) as identifiers
        from identity.identity_map as m
        where m.void_on is null and m.person_id in (select person_id from profiles.customer_profiles where orders > 0)
        group by m.person_id
        having count(*) filter (m.identifier like 'visitor:%') > 0 and count(*) filter (m.identifier like 'email:%') > 0
    ),
    named as (
        select distinct visitor_id, customer_id from raw.storefront_events
        union select distinct visitor_id, customer_id from raw.recommendation_events
        union select distinct visitor_id, customer_id from raw.order_events
        union select distinct visitor_id, customer_id from raw.profile_events
        union select distinct visitor_id, customer_id from raw.message_events
    ),
    devices as (
        select distinct m.person_id
        from named
        inner join identity.identity_map as m on m.identifier = 'visitor:' || named.visitor_id
        left join identity.identity_map as c on c.identifier = 'customer:' || named.customer_id
        where m.person_id is distinct from c.person_id and named.customer_id is not null
    )
    select person_id, identifiers from people where person_id not in (from devices)
    order by len(identifiers) desc, person_id limit 3"""


@dataclass(frozen=True)
class Gone:
    people: list[str]
    names: set[str]  # everything that names them, e-mail addresses and telephones in clear included
    emails: list[str]


def _receipts(shop: Installation) -> set[Path]:
    return set((shop.home / "erasures").glob("20*.json"))


def _gone(shop: Installation) -> Gone:
    found = shop.rows(MOST_WRITTEN_OF)
    names = {identifier.split(":", 1)[1] for _, identifiers in found for identifier in identifiers}
    listed = ", ".join(f"'{identifier}'" for _, identifiers in found for identifier in identifiers)
    names |= {
        p for (p,) in shop.rows(f"select distinct person_id from identity.identity_map where identifier in ({listed})")
    }
    clear = set()
    with duckdb.connect() as connection:
        for stream in ("profile_events", "order_events"):
            files = str(shop.home / "landing" / stream / "*" / "*.jsonl*")
            for record in connection.sql(f"select json from read_json_objects('{files}', format = 'nd')").fetchall():
                told = json.loads(record[0])
                if told.get("customer_id") in names:
                    clear |= {told[field] for field in ("email", "phone") if told.get(field)}
    assert len(found) == 3
    assert len(clear) > 3
    return Gone([person for person, _ in found], names | clear, sorted(c for c in clear if "@" in c))


@pytest.fixture(scope="module")
def erased(shop: Installation, tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Gone, Installation]:
    """The shop before, whom it lost, and the shop after."""
    gone = _gone(shop)
    after = Installation(tmp_path_factory.mktemp("erased") / "home", is_gated=False)
    shutil.copytree(shop.home, after.home, symlinks=True)
    asked = after.home.parent / "people.txt"
    asked.write_text("\n".join(gone.people) + "\n", encoding="utf-8")
    after.perso("erase", "--from", str(asked))
    return shop, gone, after


def test_no_file_names_them_any_more(erased: tuple[Installation, Gone, Installation]) -> None:
    before, gone, after = erased
    standing = {place.split("/")[0] for place in places(before.home, gone.names, outside=["truth"])}
    assert {"landing", "warehouse", "published", "mlflow"} <= standing  # the search does find
    assert places(after.home, gone.names, outside=["truth"]) == []


def test_the_books_still_add_up_and_count_them_as_erased(erased: tuple[Installation, Gone, Installation]) -> None:
    before, _, after = erased
    books = "select sum(delivered), sum(accepted + rejected + erased), min(delivered - accepted - rejected - erased), sum(erased) > 50 from raw.delivered_files"
    [(delivered, added_up, least, has_erased)] = after.rows(books)
    assert (delivered, least, has_erased) == (added_up, 0, True)
    assert before.rows("select sum(delivered) from raw.delivered_files") == [(delivered,)]


def test_sums_of_past_nights_stay(erased: tuple[Installation, Gone, Installation]) -> None:
    before, _, after = erased
    for table in (
        "measurement.revenue_report",
        "measurement.lift_moments",
        "interactions.item_days",
        "measurement.lift",
    ):
        count = f"select count(*), sum(hash(t)::hugeint) from {table} as t"
        assert before.rows(count) == after.rows(count), table


def test_the_receipt_is_signed_names_nobody_and_an_altered_one_is_refused(
    erased: tuple[Installation, Gone, Installation], tmp_path: Path
) -> None:
    before, gone, after = erased
    [receipt] = _receipts(after) - {after.home / path.relative_to(before.home) for path in _receipts(before)}
    text = receipt.read_text(encoding="utf-8")
    assert not [name for name in gone.names if name in text]
    assert "Signed by this installation." in after.perso("erase", "--check", str(receipt))
    altered = tmp_path / "receipt.json"
    altered.write_text(text.replace('"people": 3', '"people": 4'), encoding="utf-8")
    assert "altered or is another's" in after.perso("erase", "--check", str(altered), expect=2)


def test_the_night_runs_again_and_what_is_delivered_again_stays_out(
    erased: tuple[Installation, Gone, Installation],
) -> None:
    before, gone, after = erased
    night = "profile_events"
    days = [p for p in sorted((before.home / "landing" / night).glob("*/*")) if places(p.parent, gone.names)]
    again = after.home / "landing" / night / NIGHT / f"again.{days[0].name.split('.', 1)[1]}"
    again.write_bytes(days[0].read_bytes())
    assert places(again.parent, gone.names)

    after.perso("run", "--night", NIGHT)

    assert places(after.home, gone.names, outside=["truth"]) == []
    [(added_up, erased_again)] = after.rows(
        f"select bool_and(accepted + rejected + erased = delivered), sum(erased) filter (file like '%{again.name}') > 0 from raw.delivered_files"
    )
    assert (added_up, erased_again) == (True, True)
    assert "They were erased before" in after.perso(
        "erase", "--person", next(n for n in gone.names if n.startswith("C"))
    )


def test_somebody_unknown_is_refused_in_one_sentence(erased: tuple[Installation, Gone, Installation]) -> None:
    _, _, after = erased
    output = after.perso("erase", "--person", "nobody@example.org", expect=2)
    assert output.strip().endswith("known here; nothing was erased.")
    assert "nobody@example.org" not in output
