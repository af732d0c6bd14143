"""What a sign-in is for: an authorization request, or a device that waits.

The steps that a person goes through (`steps`) are the same for both; what they are asked about and
how it ends is the errand's.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import Application, Tenant, User
from grantway_sandbox.sessions import SignIn

if TYPE_CHECKING:
    from flask import Response

    # The authority holds what is made of errands, and so imports this module.
    from grantway_sandbox.authority import Authority
    from grantway_sandbox.scopes import Target

# What a claims request may name that only a second factor satisfies: an authentication context,
# and the policy of the challenge that the sandbox's own refusals carry.
_STRONG = ("acrs", "capolids")


@frozen(kw_only=True)
class Errand(ABC):
    """What is wanted of a person, by which application, and where.

    `tenant` is None at `common` and `organizations`: there the user's own decides. `target` is None
    where a v1 request names no resource. `strong` demands a second factor of everybody.
    """

    application: Application
    tenant: Tenant | None
    target: "Target | None"
    login_hint: str | None = None
    prompts: frozenset[str] = frozenset()
    strong: bool = False

    # Whether the application is not where the person is, which they should think about twice.
    device: bool = False

    # What a page's form may lead to besides the sandbox itself: an origin, for the page's policy.
    leads_to: str = ""

    def place(self, authority: "Authority", user: User) -> Tenant:
        """Return the tenant that the tokens will be of."""
        return self.tenant or authority.home_of(user)

    def wanted(self) -> list[tuple[str, str]]:
        """Return what is asked for: each permission's name and what it means."""
        found = [("openid profile", "Know who you are")]
        if self.target is not None:
            api = self.target.resource.name
            found += [(name, f"Use {name} of {api} as you") for name in self.target.granted]
            if "offline_access" in self.target.openid:
                found.append(("offline_access", "Keep this access until you take it back"))
        return found

    @abstractmethod
    def granted(self, authority: "Authority", sign_in: SignIn) -> "Response":
        """End well: the person is signed in and agrees."""

    @abstractmethod
    def refused(self, authority: "Authority", error: EntraError) -> "Response":
        """End otherwise."""


def demands_second_factor(claims: str | None) -> bool:
    """Say whether a `claims` parameter (OpenID Connect Core section 5.5) asks for two factors.

    Raises:
        EntraError: it is not a JSON object.
    """
    if not claims:
        return False
    try:
        wanted = json.loads(claims)
    except (ValueError, RecursionError):
        wanted = None
    if not isinstance(wanted, dict):
        raise EntraError(
            9002313, "Invalid request. The value of the parameter 'claims' is not a JSON object."
        )
    for part in cast("dict[str, object]", wanted).values():
        if not isinstance(part, dict):
            continue
        named = cast("dict[str, object]", part)
        if any(name in named for name in _STRONG) or "mfa" in _values(named.get("amr")):
            return True
    return False


def _values(wanted: object) -> list[Any]:
    if not isinstance(wanted, Mapping):
        return []
    facts = cast("Mapping[str, Any]", wanted)
    values: Any = facts.get("values")
    return [facts.get("value"), *(values if isinstance(values, list) else ())]
