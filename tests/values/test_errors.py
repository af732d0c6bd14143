"""Every error survives pickling and copying, and gives its facts as a dictionary."""

import copy
import inspect
import json
import pickle
import re

import pytest

from grantway import AuthenticationResult, errors
from grantway.errors import GrantwayError, VaultError

TREE = sorted(
    (
        each
        for each in vars(errors).values()
        if inspect.isclass(each) and issubclass(each, GrantwayError)
    ),
    key=lambda each: each.__name__,
)
VALUES: dict[str, object] = {
    "missing": ["one", "two"],
    "unexpected": ("three",),
    "candidates": ["a", "b"],
    "accounts": ["x"],
    "codes": [50076],
    "nearest": "Near",
    "line": 3,
    "timeout": 2.5,
    "retry_after": 7.5,
    "status": 400,
    "retryable": True,
}


def example(kind: type[GrantwayError]) -> GrantwayError:
    """One of the kind with every fact set."""
    names = [name for name in inspect.signature(kind).parameters if name != "message"]
    facts = {name: VALUES.get(name, f"the {name}") for name in names if name != "result"}
    return kind("What happened.", **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_an_error_survives_pickling_and_copying(kind: type[GrantwayError]) -> None:
    error = example(kind)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is kind
        assert vars(again) == vars(error)
        assert (str(again), again.args) == (str(error), error.args)


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_an_error_gives_its_facts_as_json(kind: type[GrantwayError]) -> None:
    error = example(kind)
    facts = json.loads(json.dumps(error.as_dict()))
    assert (facts["type"], facts["message"]) == (kind.__name__, "What happened.")
    names = {name for name in vars(error) if not name.startswith("_")}
    assert facts.keys() == {"type", *names}
    assert kind("x").as_dict().keys() <= {"type", "message", "retryable"}


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_the_text_ends_with_the_remedy(kind: type[GrantwayError]) -> None:
    assert str(example(kind)) == "What happened. the remedy"
    assert str(kind("What happened.")) == "What happened."


def test_lists_of_facts_cannot_be_changed() -> None:
    for kind in TREE:
        assert not any(isinstance(value, list) for value in vars(example(kind)).values())


def test_the_docstring_draws_the_whole_tree() -> None:
    drawn = re.findall(r"^[ │├└─]*([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE)
    assert {each.__name__ for each in TREE} <= set(drawn)
    for kind in TREE[1:]:
        assert issubclass(kind, GrantwayError)


def test_a_result_that_goes_with_an_error_is_never_shown_or_pickled() -> None:
    result = AuthenticationResult("s3ntinel")
    error = VaultError("The vault is full.", scheme="file", result=result)
    assert error.result is result
    for shown in (str(error), repr(error), str(error.as_dict()), str(pickle.dumps(error))):
        assert "s3ntinel" not in shown
    again = pickle.loads(pickle.dumps(error))
    assert (again.result, again.scheme) == (None, "file")
