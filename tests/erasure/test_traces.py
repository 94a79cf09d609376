import re

from hypothesis import given
from hypothesis import strategies as st

from perso_pipeline.erasure.traces import any_of

names = st.sets(st.text("ab.|-1", min_size=1, max_size=5).map(str.encode), min_size=1, max_size=12)


@given(names, st.text("ab.|-1 ", max_size=40).map(str.encode))
def test_any_of_finds_what_a_list_of_the_names_finds_the_longest_first(wanted: set[bytes], body: bytes) -> None:
    listed = b"|".join(re.escape(name) for name in sorted(wanted, key=lambda name: (-len(name), name)))
    edges = rb"(?<![0-9a-z-])(?:%b)(?![0-9a-z-])"
    plain, quick = re.compile(edges % listed), re.compile(edges % any_of(wanted))
    assert [m.span() for m in quick.finditer(body)] == [m.span() for m in plain.finditer(body)]
