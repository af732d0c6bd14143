"""Of the checks of what is wrong only those that must tell are run; of what is right, all."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def is_wanted(item: pytest.Item) -> bool:
        assert isinstance(item, pytest.Function)
        assert item.cls is not None
        return item.name in item.cls.breaks or "Right" in item.cls.__name__

    items[:] = [each for each in items if is_wanted(each)]
