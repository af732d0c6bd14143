"""Pages that are made from declarations are as these say."""

from docs import error_codes_page, hooks_page
from grantway_clouds import ADVICE


def test_the_reference_of_the_hooks_is_that_of_this_version() -> None:
    assert hooks_page.PAGE.read_text(encoding="utf-8") == hooks_page.page(), hooks_page.REGENERATE


def test_every_hook_has_an_example_that_asserts_something() -> None:
    names = [name for name, _ in hooks_page.hooks()]
    assert len(names) == 7
    for name, hook in hooks_page.hooks():
        assert "assert " in hooks_page.section(name, hook)


def test_the_reference_of_error_numbers_is_that_of_this_version() -> None:
    page = error_codes_page.PAGE.read_text(encoding="utf-8")
    assert page == error_codes_page.page(), error_codes_page.REGENERATE


def test_every_number_with_advice_is_in_the_reference_once() -> None:
    listed = [row.split(" | ")[0] for row in error_codes_page.rows(ADVICE)]
    numbers = [int(number) for row in listed for number in row.strip("| ").split(", ")]
    assert sorted(numbers) == sorted(ADVICE)
