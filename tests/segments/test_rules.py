import pytest

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.segments.rules import Segments
from perso_pipeline.segments.words import rule_text
from perso_pipeline.settings import PROJECT_ROOT


def read(tmp_path, rule, segment_id="s"):
    path = tmp_path / "segments.yml"
    path.write_text(f"segments:\n  - id: {segment_id}\n    name: S\n    description: d\n    rule: {rule}\n")
    return read_config(path, Segments)


def test_the_shipped_segments_are_read():
    segments = read_config(PROJECT_ROOT / "config" / "segments.yml", Segments).segments
    assert (
        rule_text(segments[-2].rule) == "(orders at most 0 and product_views at least 5 and not cart_adds at least 1)"
    )


WRONG = {
    "unknown attribute": ("{attribute: order, op: is, value: 1}", "a profile has no attribute 'order' (did you mean 'orders'?)"),
    "unknown operator": ("{attribute: orders, op: at_lest, value: 1}", "there is no comparison 'at_lest' (did you mean 'at_least'?)"),
    "text for a number": ("{attribute: orders, op: is, value: many}", "'orders' is a number, not 'many'"),
    "truth for a number": ("{attribute: orders, op: is, value: true}", "'orders' is a number, not 'true'"),
    "endless number": ("{attribute: orders, op: at_least, value: .inf}", "'orders' is a number, not 'inf'"),
    "order of words": ("{attribute: country, op: at_least, value: GB}", "'at_least' compares numbers and dates, and 'country' is text"),
    "one value for in": ("{attribute: country, op: in, value: GB}", "'in' takes a list of values"),
    "empty list": ("{attribute: country, op: in, value: []}", "'in' takes a list of values"),
    "upside down": ("{attribute: orders, op: between, value: [3, 1]}", "'between' takes [low, high]"),
    "value for is_known": ("{attribute: country, op: is_known, value: GB}", "'is_known' takes no value"),
    "no value": ("{attribute: country, op: is}", "'is' takes one value"),
    "no operator": ("{attribute: country, value: GB}", "the condition lacks 'op'"),
    "two groups": ("{all: [{attribute: orders, op: is, value: 1}], any: [{attribute: orders, op: is, value: 1}]}", "a rule is one of"),
    "group and condition": ("{all: [{attribute: orders, op: is, value: 1}], attribute: orders}", "'all' stands alone"),
    "unknown event": ("{did: {event: product_vew}}", "there is no event 'product_vew' (did you mean 'product_view'?)"),
    "unknown total": ("{has: {total: revenue, at_least: 1}}", "there is no total 'revenue' (did you mean 'net_revenue'?)"),
    "unknown filter": ("{did: {event: visit, chanel: email}}", "there is no such key (did you mean 'channel'?)"),
    "a brand of a visit": ("{did: {event: visit, brand: Finch}}", "'visit' has no brand; leave the filter out"),
    "a device of an order": ("{did: {event: order, device: mobile}}", "'order' has no device; leave the filter out"),
    "no bound of a sum": ("{has: {total: units}}", "say how much with at_least, at_most or between"),
    "two kinds of bounds": ("{did: {event: visit, at_least: 1, between: [1, 2]}}", "'between' stands alone"),
    "bounds that contradict": ("{did: {event: visit, at_least: 3, at_most: 1}}", "the least, 3, is above the most, 1"),
    "prices that contradict": ("{did: {event: order, price_at_least: 3, price_at_most: 1}}", "price_at_least 3 is above price_at_most 1"),
    "no days": ("{did: {event: visit, within_days: 0}}", "input should be greater than or equal to 1"),
    "a count of did_not": ("{did_not: {event: visit, at_least: 1}}", "there is no such key"),
    "two behaviours": ("{did: {event: visit}, did_not: {event: visit}}", "a rule is one of"),
    "unknown kind": ("{has_affinity: {kind: colour, value: red}}", "there is no kind 'colour' (did you mean 'hour'?)"),
    "a share above the whole": ("{has_affinity: {kind: brand, value: Finch, at_least_share: 30}}", "less than or equal to 1"),
    "no value of an affinity": ("{has_affinity: {kind: brand}}", "value"),
    "a word that is never there": ("{attribute: lifecycle, op: is, value: activ}", "'lifecycle' is never 'activ' (did you mean 'active'?)"),
    "one of several": ("{attribute: value_band, op: in, value: [high, midle]}", "'value_band' is never 'midle' (did you mean 'middle'?)"),
    "a device that there is not": ("{did: {event: visit, device: phone}}", "there is no device 'phone' (one of mobile, tablet,"),
    "nothing at all": ("", "a block of keys is expected, not nothing"),
    "a sentence": ("orders > 2", "a block of keys is expected, not 'orders > 2'"),
    "a list": ("[{attribute: orders, op: is, value: 1}]", "a block of keys is expected, not a list"),
    "no list": ("{all: {attribute: orders, op: is, value: 1}}", "a list is expected (each entry after '-', or [..., ...]), not a block"),
    "an empty group": ("{any: []}", "at least one entry is needed"),
    "days in letters": ("{did: {event: visit, within_days: ten}}", "a whole number is expected, not 'ten'"),
    "a longer key": ("{attribute: orders, operator: is, value: 1}", "there is no such key (did you mean 'op'?)"),
    "misspelt key": ("{atribute: orders, op: is, value: 1}", "there is no such key (did you mean 'attribute'?)"),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_rule_is_named_by_file_line_and_key(tmp_path, rule, sentence):
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, rule)
    assert str(raised.value).startswith("segments.yml line 5: segments.0.rule")
    assert sentence in str(raised.value)


def test_a_fault_deep_in_a_rule_is_named_where_it_stands(tmp_path):
    with pytest.raises(ConfigError, match=r"segments\.yml line 7: segments\.0\.rule\.all\.0\.not\.attribute: "):
        read(tmp_path, "\n      all:\n        - not: {attribute: lifecicle, op: is, value: new}")


@pytest.mark.parametrize("word", ["everyone-else", "unknown"])
def test_an_id_that_reports_use_for_the_rest_is_refused(tmp_path, word):
    with pytest.raises(ConfigError, match=f"the id '{word}' is taken"):
        read(tmp_path, "{attribute: orders, op: is, value: 1}", segment_id=word)


def test_an_id_that_the_pipelines_own_segments_bear_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="an id may not begin with 'tier-', 'cluster-', 'band-'"):
        read(tmp_path, "{attribute: orders, op: is, value: 1}", segment_id="cluster-1")


OPTIONS = {
    "an attribute that groups nobody": ("discovery: {attributes: [main_devise]}", "'main_devise' is no attribute that groups people (did you mean 'main_device'?)"),
    "no rest": ("value_tiers: {first: 0.5, second: 0.5}", "first and second leave nobody for the third part"),
    "clusters upside down": ("clusters: {least: 5, most: 4}", "least 5 is above most 4"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), OPTIONS.values(), ids=OPTIONS.keys())
def test_a_wrong_option_is_named_by_line(tmp_path, text, sentence):
    path = tmp_path / "segments.yml"
    rule = "{attribute: orders, op: is, value: 1}"
    path.write_text(f"segments:\n  - {{id: s, name: S, description: d, rule: {rule}}}\n{text}\n")
    with pytest.raises(ConfigError, match=r"segments\.yml line 3: ") as raised:
        read_config(path, Segments)
    assert sentence in str(raised.value)


def test_an_id_that_stands_twice_is_named_where_it_stands_again(tmp_path):
    path = tmp_path / "segments.yml"
    segment = "  - {id: s, name: S, description: d, rule: {attribute: orders, op: is, value: 1}}\n"
    path.write_text("segments:\n" + 2 * segment)
    with pytest.raises(ConfigError, match=r"^segments\.yml line 3: segments\.1\.id: the id 's' is taken"):
        read_config(path, Segments)


def test_the_json_schema_completes_the_words_of_an_attribute():
    [lifecycle] = [
        case["then"]["properties"]["value"]
        for case in Segments.model_json_schema()["$defs"]["Rule"]["allOf"]
        if case["if"]["properties"]["attribute"] == {"const": "lifecycle"}
    ]
    assert {"enum": ["prospect", "new", "active", "at_risk", "lapsed"]} in lifecycle["anyOf"]


def test_the_json_schema_lists_attributes_events_and_totals():
    definitions = Segments.model_json_schema()["$defs"]
    assert "tier" in str(definitions["Rule"]["properties"]["attribute"]["enum"])
    assert "product_view" in definitions["Did"]["properties"]["event"]["enum"]
    assert "net_revenue" in definitions["Has"]["properties"]["total"]["enum"]
