"""All 128 subsets of the reference's parameters, against the reference and against the design."""

from collections.abc import Iterator

import pytest

from grantway import Configuration, Dispatcher, Registry
from grantway.errors import NoParameterSetMatches
from selection import table
from selection.table import OUR_GRANTS, PARAMETERS, VALUES, Subset, subsets

ALL = list(subsets())
WIRE = {"client_credentials": "client_credentials", "refresh_token": "refresh_token"}


@pytest.fixture(scope="module")
def dispatcher() -> Iterator[Dispatcher]:
    configuration = Configuration(environ={})
    registry = Registry.load(configuration, third_parties=False)
    with Dispatcher(registry, config=configuration, prompter=False) as made:
        yield made


def spelled(given: Subset) -> str:
    return "+".join(name for name in PARAMETERS if name in given) or "nothing"


def test_there_are_128_subsets() -> None:
    assert len(set(ALL)) == 128


@pytest.mark.parametrize("given", ALL, ids=spelled)
def test_each_subset_is_selected_as_the_table_says(dispatcher: Dispatcher, given: Subset) -> None:
    outcome = table.ours(dispatcher, given)
    assert (outcome.chosen or None) == table.expected_set(given)


@pytest.mark.parametrize("given", [each for each in ALL if table.reference_set(each)], ids=spelled)
def test_where_the_reference_accepts_a_subset_its_grant_is_ours(
    dispatcher: Dispatcher, given: Subset
) -> None:
    outcome, grant = table.ours(dispatcher, given), table.reference_grant(given)
    assert OUR_GRANTS[outcome.chosen] == grant
    if grant in WIRE:
        assert outcome.grant_types == (WIRE[grant],)


@pytest.mark.parametrize(
    "given", [each for each in ALL if not table.expected_set(each)], ids=spelled
)
def test_the_advice_for_a_refused_subset_makes_it_match(
    dispatcher: Dispatcher, given: Subset
) -> None:
    outcome = table.ours(dispatcher, given)
    assert outcome.missing or outcome.unexpected
    names = {PARAMETERS[name] for name in given}
    names = (names - set(outcome.unexpected)) | set(outcome.missing)
    plan = dispatcher.explain(**{name: VALUES[name] for name in names})
    assert plan.provider == outcome.nearest


def test_nothing_given_is_told_of_the_default_set(dispatcher: Dispatcher) -> None:
    with pytest.raises(NoParameterSetMatches) as caught:
        dispatcher.acquire()
    assert (caught.value.nearest, caught.value.missing) == ("User", ("application_id",))
    assert "Add application_id." in str(caught.value)


def test_resource_and_environment_decide_nothing(dispatcher: Dispatcher) -> None:
    for given in subsets(table.DECIDING):
        chosen = {
            table.ours(dispatcher, given | more).chosen
            for more in subsets(("Resource", "Environment"))
        }
        assert len(chosen) == 1


def test_the_page_is_what_the_declarations_say(dispatcher: Dispatcher) -> None:
    written = table.PAGE.read_text(encoding="utf-8") if table.PAGE.exists() else ""
    assert written == table.page(dispatcher), f"docs are stale; run: {table.REGENERATE}"
