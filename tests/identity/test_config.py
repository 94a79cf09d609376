"""``config/identity.yml``: the shipped file fits, its schema is the models', and a mistake is one sentence."""

from pathlib import Path

import pytest

from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.identity.config import IdentityRules, TrustLevels, read_identity_rules
from perso_pipeline.settings import PROJECT_ROOT

CONFIG = PROJECT_ROOT / "config"


def test_the_shipped_file_fits_and_names_every_kind_of_evidence_that_the_sql_makes() -> None:
    rules = read_identity_rules(CONFIG)
    made = (PROJECT_ROOT / "sql" / "models" / "identity" / "identity_evidence.sql").read_text(encoding="utf-8")
    kinds = {line.split("'")[1] for line in made.splitlines() if line.strip().startswith("('")}
    assert kinds == set(TrustLevels.model_fields)
    assert rules.unmerge == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("trust:\n  sign_inn: 1.0\n", r"identity.yml line 2: trust.sign_inn: there is no such key \(did you mean 'sign_in'\?\)"),
        ("least_trust: 2\n", "identity.yml line 1: least_trust: input should be less than or equal to 1"),
        ("unmerge:\n  - [customer:1, C2]\n", "identity.yml line 2: unmerge.0.1: string should match pattern"),
        ("unmerge:\n  - [customer:1, customer:1]\n", "unmerge names 'customer:1' as both ends of a pair"),
        ("unmerge:\n  - []\n", "identity.yml line 2: unmerge.0"),
        (
            "limits:\n  - {identifier: phone, others: customer, at_most: 2}\n  - {identifier: phone, others: customer, at_most: 3}\n",
            "the limit of 'phone' by 'customer' stands twice",
        ),
        ("limits:\n  - {identifier: fax, others: customer, at_most: 2}\n", "identity.yml line 2: limits.0.identifier"),
    ],
    ids=["unknown key", "out of range", "no identifier", "with itself", "empty entry", "twice", "unknown kind"],
)  # fmt: skip
def test_a_mistake_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "identity.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence):
        read_identity_rules(tmp_path)


def test_pairs_and_single_identifiers_are_told_apart_whatever_their_order() -> None:
    rules = IdentityRules.model_validate(
        {"unmerge": [["visitor:b", "customer:a"], ["visitor:z"], ["customer:a", "visitor:b"]]}
    )
    assert rules.apart == (("customer:a", "visitor:b"),)
    assert rules.alone == ("visitor:z",)
