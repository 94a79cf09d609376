"""The checks of the map find what breaks it."""

from pathlib import Path

import pytest
from identity_shop import Shop, night

from perso_pipeline.identity.invariants import broken_stretches, without_person
from perso_pipeline.resources.warehouse import DuckDBWarehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    """A visitor that changes its person on the third night, and a customer."""
    shop = Shop(tmp_path / "perso.duckdb")
    shop.learns(("customer:a", "visitor:v", "message_click", 1), ("customer:b", "visitor:v", "sign_in", 3))
    shop.run(1, 3)
    shop.db.close()
    return DuckDBWarehouse(tmp_path / "perso.duckdb")


def found(warehouse: DuckDBWarehouse) -> tuple[list[str], list[str]]:
    nights = {"first": night(1), "last": night(3)}
    return broken_stretches(warehouse, **nights), without_person(warehouse, **nights)


def test_a_right_map_has_nothing_to_find(warehouse: DuckDBWarehouse) -> None:
    assert found(warehouse) == ([], [])


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("insert into identity.identity_map select * from identity.identity_map where void_on is not null", (["visitor:v"], [])),
        ("update identity.identity_map set void_on = date '2026-03-02' where void_on is not null", (["visitor:v"], [])),
        ("update identity.identity_map set void_on = date '2026-03-04' where identifier = 'customer:a'", (["customer:a"], [])),
        ("delete from identity.identity_map where identifier = 'customer:b'", ([], ["customer:b"])),
        ("update identity.identity_map set known_on = known_on + 1 where identifier = 'customer:a'", ([], ["customer:a"])),
    ],
    ids=["twice", "a gap", "an end", "nobody", "too late"],
)  # fmt: skip
def test_a_broken_map_names_whom(
    warehouse: DuckDBWarehouse, damage: str, expected: tuple[list[str], list[str]]
) -> None:
    with warehouse.transaction() as connection:
        connection.execute(damage)
    assert found(warehouse) == expected
