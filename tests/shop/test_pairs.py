"""Pairs put together against pairs that are one person, counted by hand."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from perso_pipeline.shop.pairs import Pairs, count_pairs


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Ann has accounts C1 and C2, a laptop and the family's tablet; Bob has C3 and uses the tablet more; v9 is a passer-by's."""
    duckdb.execute(f"""
        copy (select * from (values ('C1', 'ann'), ('C2', 'ann'), ('C3', 'bob')) as t (customer_id, person_key))
            to '{tmp_path}/accounts.parquet';
        copy (select * from (values
            ('laptop', 'ann', 3, 9), ('tablet', 'ann', 1, 5), ('tablet', 'bob', 2, 2), ('phone', 'bob', 0, 7), ('v9', 'eve', 0, 1)
        ) as t (visitor_id, person_key, acts, sessions)) to '{tmp_path}/devices.parquet';
    """)
    return tmp_path


def _grouped(**people: str) -> pa.Table:
    rows = [
        {"identifier": f"{'customer' if name[0] == 'C' else 'visitor'}:{name}", "person_id": person}
        for person, names in people.items()
        for name in names.split()
    ]
    return pa.Table.from_pylist([*rows, {"identifier": "email:e", "person_id": "p1"}])


def test_pairs_are_counted_by_owner_and_by_anybody(truth: Path) -> None:
    found = count_pairs(_grouped(p1="C1 laptop tablet", p2="C2", p3="C3 phone", p4="v9"), truth)
    assert found == Pairs(
        together=4,  # C1-laptop, C1-tablet, laptop-tablet, C3-phone
        right=4,
        right_by_owner=2,  # the tablet is Bob's: he showed himself on it twice
        shown=4,  # C1-C2, C1-laptop, C2-laptop; C3-tablet
        shown_found=1,
        shown_by_anybody=7,  # and the tablet with C1, C2 and the laptop
        shown_by_anybody_found=3,
        true=9,  # and Bob's phone with C3 and the tablet
        true_found=4,
    )


def test_two_people_in_one_are_wrong_pairs(truth: Path) -> None:
    found = count_pairs(_grouped(p1="C1 C3", p2="C2 laptop tablet phone v9"), truth)
    # together: C1-C3, and ten of the five in p2; right: C2-laptop, C2-tablet, laptop-tablet, tablet-phone
    assert (found.together, found.right) == (11, 4)
