"""What answers at an authority: its clock, its metadata, its keys.

All by the transport, and by the functions that read the same documents for a token.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import attrs

from grantway.authority import AuthorityRequest, planned_endpoints
from grantway.checks.check import Check, Step
from grantway.context import Context
from grantway.errors import GrantwayError, ProtocolViolation
from grantway.oauth.answers import http_date
from grantway.oauth.id_token import SKEW
from grantway.oauth.metadata import (
    check_challenge_methods,
    check_issuer,
    endpoint,
    token_endpoint,
    unchecked,
)
from grantway.oauth.signing_keys import signing_keys
from grantway.oauth.transport import HttpTransport

NOTICEABLE = 60.0
"""Seconds by which a clock may be off without a word: one that is kept by NTP is within one, and
the strictest authorities take an assertion that is a minute off. More is a warning; more than
`SKEW`, with which id_tokens are refused here and assertions there, is a fault."""

_FURTHER = ("authorization_endpoint", "device_authorization_endpoint", "revocation_endpoint")


class Authority:
    """An environment's authority, looked at in steps.

    Args:
        context: of the test.
        transport: the context's own, whose answers have headers.
    """

    def __init__(self, context: Context, transport: HttpTransport) -> None:
        self._context = context
        self._environment = context.environment
        self._transport = transport
        self._document: Mapping[str, object] = {}
        #: Where tokens are asked for, once that is known.
        self.token_endpoint = ""

    def steps(self, *needs: str) -> tuple[Step, ...]:
        """What there is to look at, in order, once `needs` are right."""
        return (
            Step(("clock",), self._look_at_clock, needs),
            Step(("metadata",), self._fetch, needs),
            Step(("issuer",), self._look_at_issuer, ("metadata",)),
            Step(("endpoints",), self._look_at_endpoints, ("issuer",)),
            Step(("keys",), self._look_at_keys, ("issuer",)),
        )

    def _look_at_clock(self) -> Iterator[Check]:
        if not self._environment.authority.startswith("https:"):
            yield Check("clock", "skipped", "only over https can an answer's date be believed")
            return
        clock = self._context.clock
        before = clock.time()
        try:
            answer = self._transport.send(
                AuthorityRequest("metadata", self._first_url), self._context
            )
        except GrantwayError:
            yield Check("clock", "skipped", "no answer came, as metadata tells")
            return
        here = (before + clock.time()) / 2
        said = http_date(answer.headers.get("Date", ""))
        if said is None:
            yield Check("clock", "skipped", "the authority's answer has no date")
            return
        age = answer.headers.get("Age", "")
        # What a cache on the way answers was written so many seconds ago.
        there = said + (int(age) if age.isdecimal() and len(age) < 10 else 0)
        yield skew_check(there - here, now=here)

    @property
    def _first_url(self) -> str:
        environment, protocol = self._environment, self._environment.protocol
        for template in protocol.metadata_urls:
            tenant = environment.tenant or protocol.default_tenant
            return environment.expand(template, tenant=tenant)
        return environment.authority

    def _fetch(self) -> Iterator[Check]:
        if not self._environment.protocol.metadata_urls:
            name = self._environment.protocol.name
            yield Check("metadata", "skipped", f"the protocol {name} has none")
            return
        self._document = unchecked(self._environment, self._context)
        yield Check("metadata", "ok", f"a document of {len(self._document)} members")

    def _look_at_issuer(self) -> Iterator[Check]:
        if not self._document:
            yield Check("issuer", "skipped", "there is no metadata")
            return
        check_issuer(self._document, self._environment)
        issuer = str(self._document["issuer"])
        yield Check("issuer", "ok", f"it is {issuer}, as configured", facts={"issuer": issuer})

    def _look_at_endpoints(self) -> Iterator[Check]:
        environment = self._environment
        planned = planned_endpoints(environment, environment.tenant or "{tenant}")
        if environment.protocol.token_path is not None:
            yield Check(
                "endpoints", "ok", f"tokens at {planned.token}, by the protocol",
                facts={"token_endpoint": planned.token},
            )  # fmt: skip
            return
        token = self.token_endpoint = token_endpoint(self._document, environment)
        facts: dict[str, object] = {"token_endpoint": token}
        doubts: list[GrantwayError] = []
        for name in _FURTHER:
            try:
                facts[name] = endpoint(self._document, name, environment) or None
            except ProtocolViolation as error:
                doubts.append(error)
        try:
            check_challenge_methods(self._document, environment)
        except ProtocolViolation as error:
            doubts.append(error)
        if not doubts:
            yield Check("endpoints", "ok", f"tokens at {token}", facts=facts)
        for doubt in doubts:
            # Whoever needs no such endpoint gets a token all the same.
            yield attrs.evolve(Check.failure("endpoints", doubt, "warning"), facts=facts)

    def _look_at_keys(self) -> Iterator[Check]:
        if not self._document:
            yield Check("keys", "skipped", "there is no metadata")
            return
        url = endpoint(self._document, "jwks_uri", self._environment)
        if not url:
            yield Check(
                "keys",
                "warning",
                "The metadata names no jwks_uri: an id_token cannot be checked, and is refused.",
                "Nothing, where the authority issues none; else have it publish its keys.",
            )
            return
        found = self._transport.fetch_json(AuthorityRequest("keys", url), self._context)
        count = signing_keys(found, self._context)
        facts = {"jwks_uri": url, "keys": count}
        if count:
            keys = "1 key" if count == 1 else f"{count} keys"
            yield Check("keys", "ok", f"{keys} to check id_tokens with, at {url}", facts=facts)
            return
        yield Check(
            "keys",
            "failed",
            f"{url} has no key that can verify an id_token.",
            "Have the authority sign with RSA or an elliptic curve and publish those keys.",
            facts,
        )


def skew_check(skew: float, *, now: float) -> Check:
    """What it means that the authority's clock is `skew` seconds ahead of ours."""
    facts = {"skew_seconds": round(skew, 1)}
    off = abs(skew)
    if off <= NOTICEABLE:
        return Check(
            "clock", "ok", f"right to {max(1, round(off))} s by the authority's", facts=facts
        )
    direction = "behind" if skew > 0 else "ahead of"
    there = datetime.fromtimestamp(now + skew, UTC)
    return Check(
        "clock",
        "failed" if off > SKEW else "warning",
        f"This machine's clock is {off:.0f} s {direction} the authority's, which says "
        f"{there:%Y-%m-%d %H:%M:%S} UTC.",
        "Set this machine's clock, and keep it by NTP: with more than "
        f"{SKEW:.0f} s id_tokens and assertions are refused.",
        facts,
    )
