"""The salted hash that decides who is held out."""

import duckdb

from perso_pipeline.contracts.assignment import HOLDOUT_SALT, share, share_sql


def test_share_is_the_first_sixty_bits_of_md5():
    # printf 'perso-holdout-1:v1' | md5sum gives 611428bd1ee9961241929314b65c685e
    assert share(HOLDOUT_SALT, "v1") == 0x611428BD1EE9961 / 16**15


def test_sql_and_python_agree_to_the_last_bit():
    rows = duckdb.sql(f"select v, {share_sql('v')} from (select 'v' || range as v from range(5000))").fetchall()
    assert all(share(HOLDOUT_SALT, unit) == value for unit, value in rows)


def test_about_a_tenth_lies_below_a_tenth_and_always_the_same_tenth():
    places = [share(HOLDOUT_SALT, f"visitor-{n}") for n in range(10_000)]
    assert places == [share(HOLDOUT_SALT, f"visitor-{n}") for n in range(10_000)]
    assert 0.09 < sum(place < 0.1 for place in places) / 10_000 < 0.11  # 10 % +- 3.3 standard errors


def test_another_salt_puts_visitors_elsewhere():
    assert all(share(HOLDOUT_SALT, str(n)) != share("other", str(n)) for n in range(100))
