"""Selection: from the parameters that were given to the one parameter set that takes them.

This module is pure: no registry, no network, no environment variable is read here.

A set *matches* the given names when it requires no other and takes each of them: required <=
given <= allowed, and one of `at_least_one` is given where that is declared. At most one set may
match a call:

* Built-in sets never overlap, so one of them at most matches.
* A third party's set that *shadows* a built-in one, because a call that matches it could be
  meant for the other, is out of selection altogether; `provider=` reaches it. So a third party's
  set requires something that no built-in set takes, and installing a plugin never changes a call
  that a built-in set takes, and never diverts its secrets.
* Where two third parties' sets both match, the call is ambiguous, and says so.

Only when nothing matches, *layers* (the environment's tenant, the profile, the environment
variables) complete what is missing, one after the other. They can complete a set, never
disqualify one: the given names alone have to be allowed. Of several built-in sets that a layer
completes, the one that uses most of what the layers offer is meant: a profile with a credential
is a service principal, though its application id would do for a user. A third party's set that
uses nothing of its own waits until no layer has completed a built-in one.

Afterwards the layers fill the gaps of the chosen set, save two: a parameter whose rival
(`excludes`) is there already, and an application id or credential of another application than
the one that is there already.
"""

from collections.abc import Mapping, Sequence

import attrs

from grantway.candidate import Candidate, names_of
from grantway.errors import AmbiguousParameters, ConfigurationError, NoParameterSetMatches
from grantway.offer import Offer
from grantway.parameters import COMMON


@attrs.frozen(eq=False, repr=False)
class Choice:
    """What was selected, with all values and where each came from.

    Attributes:
        candidate: the parameter set.
        values: parameter name to parsed value.
        origins: for each value that the caller did not give, the name of its layer.
        completed_by: names of the layers that were needed for the set to match.
    """

    candidate: Candidate
    values: Mapping[str, object]
    origins: Mapping[str, str]
    completed_by: tuple[str, ...] = ()


def choose(offer: Offer, candidates: Sequence[Candidate]) -> Choice:
    """Select the parameter set for what a call gives, and fill its gaps from the layers.

    Raises:
        NoParameterSetMatches: none takes it, even with what the layers offer.
        AmbiguousParameters: two third parties' sets match alike.
        ConfigurationError: a value that a layer offers for the chosen set cannot be parsed.
    """
    candidate = _single([each for each in candidates if each.matches(offer.given)], offer.given)
    if candidate is None:
        candidate = _completed(offer, candidates)
    if candidate is None:
        raise _no_match(offer, candidates)
    values, origins = offer.fill(candidate)
    needed = frozenset(candidate.missing(offer.given))
    if candidate.at_least_one & needed:
        needed |= candidate.at_least_one
    needed_from = {layer for name, layer in origins.items() if name in needed}
    used = tuple(layer.name for layer in offer.layers if layer.name in needed_from)
    return Choice(candidate, values, origins, used)


def _completed(offer: Offer, candidates: Sequence[Candidate]) -> Candidate | None:
    """The set that the fewest layers complete."""
    ours = frozenset[str]().union(*(each.allowed for each in candidates if each.builtin))
    completed: dict[Candidate, frozenset[str]] = {}
    for count in range(1, len(offer.layers) + 1):
        for each in candidates:
            if offer.given <= each.allowed:
                names = offer.reach(each, count)
                if each.is_complete(names):
                    completed[each] = names
        meant = {
            each: names for each, names in completed.items() if each.builtin or not names <= ours
        }
        if meant:
            return _single(_fullest(meant), frozenset[str]().union(*meant.values()))
    return _single(_fullest(completed), frozenset[str]().union(*completed.values()))


def _fullest(completed: Mapping[Candidate, frozenset[str]]) -> list[Candidate]:
    """Of the built-in sets among these, those that use most of what there is; else all."""
    builtin = {each: names for each, names in completed.items() if each.builtin}
    return [
        each
        for each, names in builtin.items()
        if not any(names < others for others in builtin.values())
    ] or list(completed)


def _single(matching: Sequence[Candidate], names: frozenset[str]) -> Candidate | None:
    if len(matching) > 1:
        labels = sorted(each.label for each in matching)
        provider = min(matching, key=lambda each: each.label).provider
        raise AmbiguousParameters(
            f"{', '.join(sorted(names)) or 'Nothing given'}: {' and '.join(labels)} match alike.",
            remedy=f"Name the one you mean: provider={provider.name!r} "
            "(with parameter_set= where it has several).",
            candidates=labels,
        )
    return matching[0] if matching else None


def _no_match(offer: Offer, candidates: Sequence[Candidate]) -> NoParameterSetMatches:
    """The error that says what to change, for the set that takes the fewest changes.

    With nothing given that is the default one.
    """
    if not candidates:
        return NoParameterSetMatches(
            "No credential provider is installed.",
            remedy="`grantway plugins` shows what was set aside, and why.",
        )
    given = offer.given

    def lacking(each: Candidate) -> tuple[str, ...]:
        try:
            return each.missing(offer.reach(each))
        except ConfigurationError:
            # A layer's value that cannot be read is no help, and not what is wrong here.
            return each.missing(given)

    def distance(each: Candidate) -> tuple[bool, int, int, int, bool, str]:
        surplus = each.unexpected(given)
        default = each.builtin and each.parameter_set.default
        return (
            not given and not default,
            len(lacking(each)) + len(surplus),
            len(surplus),
            # Whoever gave what one set requires and another merely takes means the former.
            -len(each.required & given),
            not default,
            each.label,
        )

    near = min(candidates, key=distance)
    missing, unexpected = lacking(near), near.unexpected(given)
    shown = ", ".join(sorted(given - names_of(COMMON)))
    needs = f"{near.label} needs {' and '.join(missing)}" if missing else ""
    refuses = f"{near.label} does not take {' or '.join(unexpected)}" if unexpected else ""
    wrong = f"No parameter set takes {shown} as given" if shown else "Too little is given"
    return NoParameterSetMatches(
        f"{wrong}: {'; '.join(filter(None, (needs, refuses)))}.",
        remedy=" ".join(
            filter(
                None,
                (
                    f"Add {', '.join(missing)}." if missing else "",
                    f"Leave out {', '.join(unexpected)}." if unexpected else "",
                    "`grantway providers` lists all sets.",
                ),
            )
        ),
        nearest=near.label,
        missing=missing,
        unexpected=unexpected,
    )
