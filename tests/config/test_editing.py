"""Whatever else is in a configuration file, putting an environment in and out leaves it."""

import tomllib
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from grantway.document import Document
from grantway.editing import with_environment, without_environment

BLOCKS = (
    "# a comment of its own\n",
    '[profiles.a]  # of a\ntenant_id = "a.example"\n',
    '# about b\n[profiles.b]\ncredential = "b=env:B" # why\n',
    '[environments.Dale]\nauthority = "https://dale.example"\n# the end of dale\n',
    '[environments."Hi.ll"]\nsummary = """\n[environments.New]\n# no comment\n"""\n',
    '[environments.Vale]\nlike = "Dale"\n\n[environments.Vale.trust]\nproxy = ""\n',
    '[environments.Vale.resources]\n"a b" = "urn:a"\n',
    "[plugins]\ndisable = [\n  # why\n  'x',\n]\n",
)
HEADS = ("", "# top\n", 'cache = "memory"\n', "default_profile = 'a' # mine\n\n\n")
TABLES = (
    {"authority": "https://new.example"},
    {"authority": "https://new.example", "resources": {"a b": "urn:a"}, "hosts": ["b.example"]},
    {"like": "Dale", "summary": 'with "quotes", \\ and \n lines', "trust": {"headers": {"X": "y"}}},
)


def gapped(blocks: list[str], gaps: list[str]) -> str:
    return "".join(chain.from_iterable(zip(blocks, gaps, strict=False)))


texts = st.builds(
    lambda head, blocks, gaps: head + gapped(blocks, gaps),
    st.sampled_from(HEADS),
    st.lists(st.sampled_from(BLOCKS), unique=True),
    st.lists(st.sampled_from(["", "\n", "\n\n"]), min_size=len(BLOCKS), max_size=len(BLOCKS)),
)


def is_within(lines: list[str], text: str) -> bool:
    """Whether the lines stand in a text, in this order."""
    left = iter(text.splitlines())
    return all(line in left for line in lines)


@given(texts, st.sampled_from(TABLES))
def test_in_and_out_again_is_the_same_file(text: str, table: dict[str, object]) -> None:
    before = tomllib.loads(text)
    added = with_environment(Document(text), "New", table)
    assert tomllib.loads(added)["environments"].pop("New") == table
    assert is_within(text.splitlines(), added)
    removed = without_environment(Document(added), "New")
    assert removed.rstrip() == text.rstrip()
    assert {"environments": {}, **tomllib.loads(removed)} == {"environments": {}, **before}


@given(texts, st.sampled_from(TABLES))
def test_one_in_the_place_of_another_touches_no_third(text: str, table: dict[str, object]) -> None:
    before = tomllib.loads(text)
    for name in before.get("environments", {}):
        after = tomllib.loads(with_environment(Document(text), "New", table, replaces=name))
        expected = {key: value for key, value in before["environments"].items() if key != name}
        assert after["environments"] == {**expected, "New": table}
        assert {**after, "environments": 0} == {**before, "environments": 0}
