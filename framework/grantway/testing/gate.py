"""Which checks hold for whom: the version a plugin was written for, and what it says it can do.

A new version of grantway may add checks; a plugin that was written before is not broken by them.
So each check that came later says since when it is there, and an author says which version they
have tested with. What is passed over is a skip with its reason, never silence.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeGuard, cast

import pytest

API_VERSION = (0, 1)
"""The version of the contracts here: major and minor of the grantway that they came with."""

P = ParamSpec("P")
Check = Callable[Concatenate[Any, P], None]


def since(major: int, minor: int) -> Callable[[Check[P]], Check[P]]:
    """Mark a check that came with this version of the contract."""

    def reason(contract: "Contract") -> str:
        version = contract.api_version
        if (major, minor) <= version:
            return ""
        return f"came with {major}.{minor}; api_version is {version[0]}.{version[1]}"

    return _unless(reason)


def needs(*capabilities: str) -> Callable[[Check[P]], Check[P]]:
    """Mark a check that holds only for what can do these: attributes of its class that are true.

    With "not " before it, one that must be false.
    """

    def reason(contract: "Contract") -> str:
        for capability in capabilities:
            name = capability.removeprefix("not ")
            wanted = name == capability
            if bool(getattr(contract, name)) is not wanted:
                return f"for what has {name} = {wanted}"
        return ""

    return _unless(reason)


def _unless(reason: "Callable[[Contract], str]") -> Callable[[Check[P]], Check[P]]:
    """Skip a check for a reason, asked when the author's own fixtures have run."""

    def mark(check: Check[P]) -> Check[P]:
        @wraps(check)
        def gated(self: "Contract", /, *args: P.args, **kwargs: P.kwargs) -> None:
            if because := reason(self):
                pytest.skip(because)
            check(self, *args, **kwargs)

        return gated

    return mark


class Contract:
    """What all contracts have: the version that the author has tested with.

    Attributes:
        api_version: of the contract, as a pair; checks that came later are skipped. Raise it when
            the plugin passes what a newer `API_VERSION` asks for.
    """

    api_version: tuple[int, int]

    @pytest.fixture(autouse=True)
    def _is_dated(self) -> None:
        """Refuse a contract that does not say a version that there is.

        Without one it would break with the next; one that is yet to come would have its checks,
        whatever they are, pass unread.
        """
        if fault := _fault(getattr(self, "api_version", None)):
            pytest.fail(f"{type(self).__name__} {fault}", pytrace=False)


def _fault(version: object) -> str:
    if version is None:
        return (
            "does not say which version of the contract it is for. "
            f"Write: api_version = {API_VERSION}"
        )
    if not _is_version(version):
        return (
            f"says api_version = {version!r}, which is no pair of major and minor version. "
            f"Write: api_version = {API_VERSION}"
        )
    if version > API_VERSION:
        return (
            f"says api_version = {version!r}, and this grantway has the contracts of "
            f"{API_VERSION} and before. Install a later grantway, or write: "
            f"api_version = {API_VERSION}"
        )
    return ""


def _is_version(value: object) -> TypeGuard[tuple[int, int]]:
    if not isinstance(value, tuple):
        return False
    parts = cast("tuple[object, ...]", value)
    return len(parts) == 2 and all(type(each) is int for each in parts) and parts >= (0, 1)
