"""Pages that are made from declarations are as these say."""

from docs import hooks_page


def test_the_reference_of_the_hooks_is_that_of_this_version() -> None:
    assert hooks_page.PAGE.read_text(encoding="utf-8") == hooks_page.page(), hooks_page.REGENERATE


def test_every_hook_has_an_example_that_asserts_something() -> None:
    names = [name for name, _ in hooks_page.hooks()]
    assert len(names) == 7
    for name, hook in hooks_page.hooks():
        assert "assert " in hooks_page.section(name, hook)
