"""Pages that are made from declarations are as these say."""

import inspect
import re

import grantway
from docs import error_codes_page, hooks_page, records_page
from grantway import parameters
from grantway_clouds import ADVICE


def test_the_reference_of_the_hooks_is_that_of_this_version() -> None:
    assert hooks_page.PAGE.read_text(encoding="utf-8") == hooks_page.page(), hooks_page.REGENERATE


def test_every_hook_has_an_example_that_asserts_something() -> None:
    names = [name for name, _ in hooks_page.hooks()]
    assert len(names) == 7
    for name, hook in hooks_page.hooks():
        assert "assert " in hooks_page.section(name, hook)


def test_the_reference_of_the_records_is_that_of_this_version() -> None:
    assert records_page.PAGE.read_text(encoding="utf-8") == records_page.page(), (
        records_page.REGENERATE
    )


def test_every_record_that_a_hook_returns_or_is_given_is_in_the_reference() -> None:
    told = {name for _, records in records_page.PARTS for name in records}
    assert len(told) == sum(len(records) for _, records in records_page.PARTS)
    for _, hook in hooks_page.hooks():
        named = set(re.findall(r"\w+", str(inspect.signature(hook)))) & set(grantway.__all__)
        assert named <= told


def test_the_reference_of_the_records_tells_of_every_parser() -> None:
    names = [name for name, _ in records_page.parsing()]
    assert {"text", "words", "flag", "secret", "reference", "json_object"} <= set(names)
    assert {each.parse for each in parameters.COMMON if each.name != "environment"} <= {
        getattr(parameters, name) for name in names
    }


def test_the_reference_of_error_numbers_is_that_of_this_version() -> None:
    page = error_codes_page.PAGE.read_text(encoding="utf-8")
    assert page == error_codes_page.page(), error_codes_page.REGENERATE


def test_every_number_with_advice_is_in_the_reference_once() -> None:
    listed = [row.split(" | ")[0] for row in error_codes_page.rows(ADVICE)]
    numbers = [int(number) for row in listed for number in row.strip("| ").split(", ")]
    assert sorted(numbers) == sorted(ADVICE)
