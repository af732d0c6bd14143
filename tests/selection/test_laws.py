"""Laws of selection, over generated plugins, calls, profiles and environment variables."""

from itertools import chain, combinations
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from grantway import Credential
from grantway.candidate import Candidate, given_names
from grantway.errors import AmbiguousParameters, ConfigurationError, NoParameterSetMatches
from grantway.parameters import CREDENTIAL, TENANT_ID, ParameterSet
from grantway.selection import Choice
from selection.worlds import (
    BUILTIN,
    BUILTIN_NAMES,
    CLIENTS,
    KNOWN,
    OWN,
    FakeLayer,
    World,
    candidate,
    canonical,
    comparable,
    installed,
    outcome,
    parameter_sets,
    value_of,
    worlds,
)

A, A_BRACED, B = CLIENTS


def test_built_in_sets_never_overlap() -> None:
    for one, other in combinations(BUILTIN, 2):
        assert not one.overlaps(other)


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_plugins_and_of_parameters_never_matters(world: World, random: Random) -> None:
    candidates, names = list(world.candidates), list(world.values)
    straight = outcome(world.values, candidates, world.layers)
    random.shuffle(candidates)
    random.shuffle(names)
    turned = [FakeLayer(each.name, dict(reversed(each.values.items()))) for each in world.layers]
    again = outcome({name: world.values[name] for name in names}, candidates, turned)
    assert comparable(again) == comparable(straight)


@settings(max_examples=400)
@given(worlds(builtin=True))
def test_installing_a_plugin_never_changes_a_call_that_works_without_it(world: World) -> None:
    alone = outcome(world.values, BUILTIN, world.layers)
    assume(isinstance(alone, Choice))
    after = outcome(world.values, world.candidates, world.layers)
    assert comparable(after) == comparable(alone)


@settings(max_examples=400)
@given(worlds(complete=True))
def test_layers_never_change_which_set_a_call_means_that_matches_without_them(world: World) -> None:
    alone = outcome(world.values, world.candidates)
    assume(isinstance(alone, Choice))
    assert isinstance(alone, Choice)
    filled = outcome(world.values, world.candidates, world.layers)
    if isinstance(filled, ConfigurationError):
        assert "exclude each other" in filled.message
        return
    assert isinstance(filled, Choice)
    assert filled.candidate is alone.candidate
    assert filled.completed_by == ()
    assert world.values.items() <= filled.values.items()


@given(worlds())
def test_none_is_not_given_and_a_false_flag_is_only_a_preference(world: World) -> None:
    values, candidates = world.values, world.candidates
    silent = {name: None for name in KNOWN if name not in values}
    assert comparable(outcome({**values, **silent}, candidates, world.layers)) == comparable(
        outcome(values, candidates, world.layers)
    )
    off = {name: False for name, each in KNOWN.items() if each.is_flag and name not in values}
    answer, plain = outcome({**values, **off}, candidates), outcome(values, candidates)
    if isinstance(plain, Choice):
        assert isinstance(answer, Choice)
        assert answer.candidate is plain.candidate
        assert off.items() <= answer.values.items()
    else:
        assert type(answer) is type(plain)


def powerset(names: frozenset[str]) -> list[frozenset[str]]:
    ordered = sorted(names)
    sizes = range(len(ordered) + 1)
    return [
        frozenset(each) for each in chain.from_iterable(combinations(ordered, n) for n in sizes)
    ]


# Few names, so that every call there is can be tried.
FEW = ("application_id", "credential", "tenant_id", "own_one", "own_two", "own_three")


def callable_(names: frozenset[str]) -> bool:
    return not {"own_two", "own_three"} <= names and not {"resource", "scopes"} <= names


@given(parameter_sets((*FEW, "resource", "scopes")), parameter_sets((*FEW, "resource", "scopes")))
def test_the_overlap_formula_is_what_brute_force_finds(
    one: ParameterSet, other: ParameterSet
) -> None:
    first, second = candidate("One", one), candidate("Other", other)
    tried = [each for each in powerset(frozenset((*FEW, "resource", "scopes"))) if callable_(each)]
    both = any(first.matches(each) and second.matches(each) for each in tried)
    # Of `at_least_one` the formula may pick a name whose rival the other set requires.
    if both:
        assert first.overlaps(second)
    elif first.overlaps(second):
        smallest = first.required | second.required
        assert not callable_(smallest) or any(
            not callable_(smallest | {a, b})
            for a in first.at_least_one or {""}
            for b in second.at_least_one or {""}
        )
    assert first.overlaps(second) == second.overlaps(first)


@given(parameter_sets((*FEW, "own_flag")), st.sampled_from(BUILTIN))
def test_a_set_shadows_another_if_a_call_of_it_could_be_completed_to_the_other(
    one: ParameterSet, builtin: Candidate
) -> None:
    third = candidate("Third", one)
    found = any(
        third.matches(each) and each <= builtin.allowed
        for each in powerset(frozenset((*FEW, "own_flag")))
    )
    assert third.shadows(builtin) == found
    if third.overlaps(builtin):
        assert third.shadows(builtin)


@given(worlds(builtin=True), st.sampled_from(BUILTIN_NAMES))
def test_more_in_a_layer_never_disqualifies_a_set(world: World, extra: str) -> None:
    values, found, profile = world.values, world.layers, world.layers[1]
    assume(extra not in profile.values)
    more = FakeLayer(profile.name, {**profile.values, extra: value_of(extra, A)})
    if isinstance(outcome(values, BUILTIN, found), Choice):
        richer = outcome(values, BUILTIN, [found[0], more, *found[2:]])
        assert not isinstance(richer, NoParameterSetMatches)


@given(worlds())
def test_what_is_filled_is_taken_by_the_set_and_has_no_rival(world: World) -> None:
    answer = outcome(world.values, world.candidates, world.layers)
    assume(isinstance(answer, Choice))
    assert isinstance(answer, Choice)
    assert answer.candidate.is_complete(given_names(answer.values))
    assert frozenset(answer.origins) <= answer.candidate.allowed
    for name in answer.origins:
        assert answer.candidate.rivals_of((name,)).isdisjoint(given_names(answer.values))


@given(worlds())
def test_a_layer_never_brings_another_application_than_the_one_that_is_there(world: World) -> None:
    answer = outcome(world.values, world.candidates, world.layers)
    assume(isinstance(answer, Choice))
    assert isinstance(answer, Choice)
    credential, client = answer.values.get("credential"), answer.values.get("application_id")
    if isinstance(credential, Credential) and isinstance(client, str):
        where = answer.origins.get("credential"), answer.origins.get("application_id")
        if where[0] != where[1]:
            assert canonical(credential.user_name) == canonical(client)


@settings(max_examples=400)
@given(worlds())
def test_the_advice_of_the_error_makes_the_call_match(world: World) -> None:
    error = outcome(world.values, world.candidates, world.layers)
    assume(isinstance(error, NoParameterSetMatches))
    assert isinstance(error, NoParameterSetMatches)
    assert error.missing or error.unexpected
    kept = {name: value for name, value in world.values.items() if name not in error.unexpected}
    # The application that is there already is the one to go on with.
    clients = [each.user_name for each in kept.values() if isinstance(each, Credential)]
    client = str(kept.get("application_id", (*clients, A)[0]))
    followed = kept | {name: value_of(name, client) for name in error.missing}
    (near,) = (each for each in world.candidates if each.label == error.nearest)
    # A set that requires the rival of all its alternatives can never match.
    assume(not near.at_least_one or near.at_least_one & near.allowed)
    assert frozenset(followed) <= near.allowed
    again = outcome(followed, [near], world.layers)
    assert not isinstance(again, NoParameterSetMatches)


# By example, what the laws say in general.


def test_an_alternative_whose_rival_is_required_fills_no_gap() -> None:
    third = candidate(
        "Third",
        ParameterSet(
            "Set",
            (KNOWN["own_one"],),
            at_least_one=(KNOWN["own_default"], KNOWN["redirect_uri"]),
        ),
    )
    error = outcome({"own_default": "x"}, [third])
    assert isinstance(error, NoParameterSetMatches)
    assert (error.missing, error.unexpected) == (("own_one", "redirect_uri"), ("own_default",))


def test_a_profile_with_a_credential_is_a_service_principal_though_a_user_would_do() -> None:
    profile = FakeLayer(
        "profile work",
        {"application_id": A, "credential": Credential(A_BRACED, "s"), "tenant_id": "t"},
    )
    answer = outcome({}, BUILTIN, [profile])
    assert isinstance(answer, Choice)
    assert answer.candidate.label == "ServicePrincipal"
    assert answer.completed_by == ("profile work",)


def test_only_the_layers_that_were_needed_are_named() -> None:
    tenant = FakeLayer("the environment's tenant", {"tenant_id": "t"})
    variables = FakeLayer("environment variables", {"application_id": A, "resource": "graph"})
    answer = outcome({}, BUILTIN, [tenant, variables])
    assert isinstance(answer, Choice)
    assert (answer.candidate.label, answer.completed_by) == ("User", ("environment variables",))
    assert answer.origins == {
        "application_id": "environment variables",
        "resource": "environment variables",
        "tenant_id": "the environment's tenant",
    }


def test_a_switch_that_a_profile_turns_off_completes_nothing() -> None:
    profile = FakeLayer("profile work", {"application_id": A, "consent": False})
    answer = outcome({}, BUILTIN, [profile])
    assert isinstance(answer, Choice)
    assert answer.candidate.label == "User"


def test_the_credential_of_another_application_is_not_filled() -> None:
    variables = FakeLayer("variables", {"credential": Credential(B, "s"), "tenant_id": "t"})
    answer = outcome({"refresh_token": "r", "application_id": A}, BUILTIN, [variables])
    assert isinstance(answer, Choice)
    assert "credential" not in answer.values
    same = FakeLayer("variables", {"credential": Credential(A_BRACED, "s")})
    answer = outcome({"refresh_token": "r", "application_id": A}, BUILTIN, [same])
    assert isinstance(answer, Choice)
    assert "credential" in answer.values


def test_the_application_id_of_another_credential_is_not_filled() -> None:
    profile = FakeLayer("profile", {"application_id": A})
    answer = outcome({"credential": Credential(B, "s"), "tenant_id": "t"}, BUILTIN, [profile])
    assert isinstance(answer, Choice)
    assert "application_id" not in answer.values


def test_a_credential_that_may_not_be_filled_completes_nothing() -> None:
    (principal,) = (each for each in BUILTIN if each.label == "ServicePrincipal")
    profile = FakeLayer("profile", {"application_id": A})
    variables = FakeLayer("variables", {"credential": Credential(B, "s"), "tenant_id": "t"})
    error = outcome({}, [principal], [profile, variables])
    assert isinstance(error, NoParameterSetMatches)
    assert error.missing == ("credential",)


def test_a_filled_gap_has_no_rival_in_the_call() -> None:
    variables = FakeLayer("variables", {"resource": "graph", "application_id": A})
    answer = outcome({"application_id": A, "scopes": ("a",)}, BUILTIN, [variables])
    assert isinstance(answer, Choice)
    assert "resource" not in answer.values


def test_a_layer_that_holds_two_rivals_is_told_so_when_they_are_needed() -> None:
    profile = FakeLayer("profile work", {"resource": "graph", "scopes": ("a",)})
    error = outcome({"application_id": A}, BUILTIN, [profile])
    assert isinstance(error, ConfigurationError)
    assert str(error).startswith("resource and scopes exclude each other; both are in profile work")
    answer = outcome({"application_id": A, "resource": "arm"}, BUILTIN, [profile])
    assert isinstance(answer, Choice)


def test_one_side_is_enough_to_declare_that_two_parameters_exclude_each_other() -> None:
    two, three = OWN["own_two"], OWN["own_three"]
    third = candidate("Third", ParameterSet("Set", (OWN["own_one"],), optional=(two, three)))
    for given_, layered in (("own_two", "own_three"), ("own_three", "own_two")):
        answer = outcome({"own_one": "1", given_: "x"}, [third], [FakeLayer("l", {layered: "y"})])
        assert isinstance(answer, Choice)
        assert layered not in answer.values


def test_a_set_does_not_take_the_rival_of_what_it_requires() -> None:
    third = candidate("Third", ParameterSet("Set", (KNOWN["resource"], OWN["own_one"])))
    error = outcome({"own_one": "1", "scopes": ("a",)}, [third])
    assert isinstance(error, NoParameterSetMatches)
    assert (error.missing, error.unexpected) == (("resource",), ("scopes",))


def test_a_default_fills_a_gap_but_not_beside_its_rival() -> None:
    third = candidate(
        "Third",
        ParameterSet("Set", (OWN["own_two"],), optional=(OWN["own_default"], OWN["own_one"])),
    )
    answer = outcome({"own_two": "2"}, [third])
    assert isinstance(answer, Choice)
    assert (answer.values["own_default"], answer.origins) == ("set", {"own_default": "default"})
    answer = outcome({"own_two": "2", "own_one": "1"}, [third])
    assert isinstance(answer, Choice)
    assert "own_default" not in answer.values


@pytest.mark.parametrize(
    "parameter_set",
    [
        ParameterSet("Set"),
        ParameterSet("Set", (TENANT_ID,)),
        ParameterSet("Set", (), optional=(CREDENTIAL,)),
        ParameterSet("Set", (CREDENTIAL,), optional=(OWN["own_one"],)),
        ParameterSet("Set", at_least_one=(OWN["own_one"], CREDENTIAL)),
    ],
    ids=["nothing", "a tenant", "nothing, takes a credential", "a credential", "one of"],
)
def test_a_set_that_requires_nothing_of_its_own_is_out_of_selection(
    parameter_set: ParameterSet,
) -> None:
    assert candidate("Third", parameter_set) not in installed([candidate("Third", parameter_set)])
    third = candidate("Third", parameter_set)
    assert any(third.shadows(each) for each in BUILTIN)


def test_two_plugins_that_match_alike_make_only_the_calls_ambiguous_that_both_match() -> None:
    one = candidate("One", ParameterSet("Set", (OWN["own_one"],), optional=(OWN["own_two"],)))
    other = candidate("Other", ParameterSet("Set", (OWN["own_one"],)))
    error = outcome({"own_one": "1"}, [*BUILTIN, one, other])
    assert isinstance(error, AmbiguousParameters)
    assert error.candidates == ("One/Set", "Other/Set")
    assert "provider='One'" in str(error)
    answer = outcome({"own_one": "1", "own_two": "2"}, [*BUILTIN, one, other])
    assert isinstance(answer, Choice)
    assert answer.candidate is one


def test_a_mistake_in_a_value_that_a_call_does_not_need_is_not_felt() -> None:
    class Broken(FakeLayer):
        def read(self, name: str) -> object:
            raise AssertionError(f"{name} was read")

    answer = outcome({"application_id": A}, BUILTIN, [Broken("l", {"credential": "bare"})])
    assert isinstance(answer, Choice)
