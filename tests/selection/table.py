"""The selection table: every subset of the reference's parameters, there and here.

The reference is modelled here by itself, from its help page and sources alone. `grantway`'s
side is asked of `Dispatcher.explain`. `python tests/selection/table.py` writes the page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from grantway import Credential, Dispatcher

PAGE = Path(__file__).parents[2] / "docs" / "selection-table.md"
REGENERATE = "python tests/selection/table.py"

# The parameters of New-PartnerAccessToken, as grantway calls them.
PARAMETERS = {
    "ApplicationId": "application_id",
    "Credential": "credential",
    "TenantId": "tenant_id",
    "RefreshToken": "refresh_token",
    "Consent": "consent",
    "Resource": "resource",
    "Environment": "environment",
}
DECIDING = tuple(name for name in PARAMETERS if name not in ("Resource", "Environment"))
CLIENT = "11111111-2222-3333-4444-555555555555"
VALUES: dict[str, object] = {
    "application_id": CLIENT,
    "credential": Credential(CLIENT, "a secret"),
    "tenant_id": "contoso.example",
    "refresh_token": "a refresh token",
    "consent": True,
    "resource": "graph",
    "environment": "USGovernment",
}

Subset = frozenset[str]


def subsets(names: tuple[str, ...] = tuple(PARAMETERS)) -> Iterator[Subset]:
    """All of them, the small ones first."""
    for size in range(len(names) + 1):
        yield from map(frozenset, combinations(names, size))


# The reference: its two parameter sets as (mandatory, optional), and the grants in the order in
# which its code looks at what was given.
REFERENCE_SETS: dict[str, tuple[Subset, Subset]] = {
    "User": (
        frozenset({"ApplicationId"}),
        frozenset({"Consent", "Environment", "RefreshToken", "Resource", "TenantId"}),
    ),
    "ServicePrincipal": (
        frozenset({"Credential", "TenantId"}),
        frozenset({"ApplicationId", "Consent", "Environment", "RefreshToken", "Resource"}),
    ),
}


def reference_set(given: Subset) -> str | None:
    """The parameter set that PowerShell binds, or None where it refuses."""
    found = [
        name
        for name, (mandatory, optional) in REFERENCE_SETS.items()
        if mandatory <= given <= mandatory | optional
    ]
    assert len(found) <= 1
    return found[0] if found else None


def reference_grant(given: Subset) -> str | None:
    """The grant that the reference runs, or None where it refuses."""
    if reference_set(given) is None:
        return None
    if "RefreshToken" in given:
        return "refresh_token"
    if "Credential" in given and "Consent" not in given:
        return "client_credentials"
    return "interactive"


# grantway's table, as its design states it: required, of which one or more, optional; the grant.
OUR_SETS: dict[str, tuple[Subset, Subset, Subset, str]] = {
    "User": (
        frozenset({"ApplicationId"}),
        frozenset(),
        frozenset({"TenantId"}),
        "interactive",
    ),
    "ServicePrincipal": (
        frozenset({"Credential", "TenantId"}),
        frozenset(),
        frozenset({"ApplicationId"}),
        "client_credentials",
    ),
    "RefreshToken": (
        frozenset({"RefreshToken"}),
        frozenset({"ApplicationId", "Credential"}),
        frozenset({"TenantId", "Consent"}),
        "refresh_token",
    ),
    "Consent": (
        frozenset({"Consent"}),
        frozenset({"ApplicationId", "Credential"}),
        frozenset({"TenantId"}),
        "interactive",
    ),
}
OUR_GRANTS = {name: grant for name, (*_, grant) in OUR_SETS.items()}


def expected_set(given: Subset) -> str | None:
    """What the design's table says, computed from the table alone."""
    common = frozenset({"Resource", "Environment"})
    found = [
        name
        for name, (required, one_of, optional, _) in OUR_SETS.items()
        if required <= given <= required | one_of | optional | common
        and (not one_of or one_of & given)
    ]
    assert len(found) <= 1
    return found[0] if found else None


@dataclass(frozen=True)
class Outcome:
    """What grantway makes of a call."""

    chosen: str
    nearest: str = ""
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ()


def ours(dispatcher: Dispatcher, given: Subset) -> Outcome:
    """Ask grantway."""
    parameters = {PARAMETERS[name]: VALUES[PARAMETERS[name]] for name in given}
    plan = dispatcher.explain(**parameters)
    if plan.problem is not None:
        facts = plan.problem
        return Outcome(
            "",
            getattr(facts, "nearest", ""),
            getattr(facts, "missing", ()),
            getattr(facts, "unexpected", ()),
        )
    sent = (dict(request.fields).get("grant_type", "") for request in plan.requests)
    return Outcome(plan.parameter_set, grant_types=tuple(filter(None, sent)))


_HEAD = f"""# The selection table

<!-- Made from the declarations by `{REGENERATE}`; a test holds it against them. -->

Every combination of the reference command's parameters: what `New-PartnerAccessToken` does with
it, and what grantway does. `Resource` and `Environment` decide nothing, there or here: each row
holds with and without them, so that the {{rows}} rows are all {{all}} combinations. Where the
reference accepts a call, grantway runs the same grant ({{same}} of {{all}}); {{more}} further ones
it refuses work here, because a refresh token or a consent needs no tenant.

| Given | Reference: parameter set | grant | grantway: parameter set | grant |
|---|---|---|---|---|
"""


def page(dispatcher: Dispatcher) -> str:
    """The page, as it should be."""
    rows: list[str] = []
    same = more = 0
    for given in subsets(DECIDING):
        outcome, bound = ours(dispatcher, given), reference_set(given)
        same += 4 * bool(bound and OUR_GRANTS.get(outcome.chosen) == reference_grant(given))
        more += 4 * bool(outcome.chosen and not bound)
        shown = ", ".join(f"`{name}`" for name in DECIDING if name in given) or "nothing"
        theirs = f"{bound} | {reference_grant(given)}" if bound else "refused |"
        mine = (
            f"{outcome.chosen} | {OUR_GRANTS[outcome.chosen]}"
            if outcome.chosen
            else f"none: {_advice(outcome)} |"
        )
        rows.append(f"| {shown} | {theirs} | {mine} |")
    head = _HEAD.format(rows=len(rows), all=4 * len(rows), same=same, more=more)
    return head + "\n".join(rows) + "\n"


def _advice(outcome: Outcome) -> str:
    spelled = {ours_: theirs for theirs, ours_ in PARAMETERS.items()}
    parts = [f"add `{spelled[name]}`" for name in outcome.missing]
    parts += [f"leave out `{spelled[name]}`" for name in outcome.unexpected]
    return f"{' and '.join(parts)} for {outcome.nearest}"


if __name__ == "__main__":
    from grantway import Configuration

    with Dispatcher(config=Configuration(environ={})) as dispatcher:
        PAGE.write_text(page(dispatcher), encoding="utf-8")
