"""What `grantway sandbox demo` does: a token in every way there is, each looked at from all sides.

Each `Recipe` is one call. It is explained first, then made, over real HTTP; what the sandbox
received is held against what was explained, field by field; the token is read with the sandbox's
own keys; the call is made again, which must send nothing; and the token is used at the sandbox's
API. Whatever is not as it should be is a fault of the outcome.

Nothing here knows which grants exist already. A provider that answers `InteractionRequired` needs
a person, and that is what the outcome says; once it takes the one offered (`Stand-in`), the same
recipe shows its token.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Self, cast

import attrs

from grantway import (
    OIDC,
    Configuration,
    Credential,
    Dispatcher,
    Explanation,
    Protocol,
    Registry,
    Secret,
)
from grantway.errors import GrantwayError
from grantway_clouds import ENTRA_V1, ENTRA_V2
from grantway_sandbox.demo_requests import Sent, as_sent
from grantway_sandbox.extra import sandbox_class
from grantway_sandbox.stand_in import StandIn

if TYPE_CHECKING:
    from grantway import AuthenticationResult, TokenSource
    from grantway_sandbox.server import Sandbox

# Seconds for one call; what is on this machine answers at once or not at all, and a device code
# is polled for at the authority's pace.
_TIMEOUT = 20.0


@attrs.frozen
class Recipe:
    """One call: the set that it should select, the dialect it is spoken in, what is given.

    `way` tells it from others of the same set. One that is not `repeatable` is an act of its own
    each time, and is not made twice.
    """

    parameter_set: str
    protocol: Protocol
    parameters: Mapping[str, object] = attrs.field(repr=False)
    way: str = ""
    repeatable: bool = True

    @property
    def title(self) -> str:
        """How it is called in lists."""
        return ", ".join(filter(None, (self.parameter_set, self.way, self.protocol.name)))


@attrs.frozen
class Answer:
    """What came back, without the tokens themselves."""

    token_type: str
    lifetime: int
    scopes: tuple[str, ...]
    tenant_id: str
    account: str
    methods: tuple[str, ...]
    refresh_token: bool
    milliseconds: float


@attrs.frozen
class Outcome:
    """What became of a recipe.

    Attributes:
        recipe, explanation, summary: the call, and what was said of it beforehand.
        sent: the requests to the token endpoint, as they arrived.
        asked: paths of what was read besides, such as the keys for an id_token.
        answer, claims: the result, and what its access token says.
        again: milliseconds of the same call made once more, without a request.
        api, api_status: the call of the sandbox's API with the token.
        faults: all that was not as it should be.
    """

    recipe: Recipe
    explanation: Explanation
    summary: str = ""
    sent: tuple[Sent, ...] = ()
    asked: tuple[str, ...] = ()
    answer: Answer | None = None
    claims: Mapping[str, object] = attrs.field(factory=dict[str, object], hash=False)
    again: float | None = None
    api: str = ""
    api_status: int | None = None
    faults: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether it is as it should be."""
        return not self.faults

    def with_fault(self, fault: str) -> "Outcome":
        """Return this outcome with one more fault."""
        return attrs.evolve(self, faults=(*self.faults, fault))

    def as_dict(self) -> dict[str, object]:
        """The outcome as JSON-ready facts; no secret among them."""
        return {
            "parameter_set": self.recipe.parameter_set,
            "way": self.recipe.way,
            "protocol": self.recipe.protocol.name,
            "status": "token" if self.good else "failed",
            "faults": list(self.faults),
            "given": {name: self.explanation.values.get(name, "") for name in self.given},
            "explanation": self.explanation.as_dict(),
            "sent": [
                {**each.request.as_dict(), "differences": list(each.differences)}
                for each in self.sent
            ],
            "also_asked": list(self.asked),
            "answer": attrs.asdict(self.answer) if self.answer else None,
            "claims": dict(self.claims),
            "again_from_cache_milliseconds": self.again,
            "api": {"url": self.api, "status": self.api_status} if self.api else None,
        }

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the parameters that the call gave."""
        return ("environment", *self.recipe.parameters)


class Demo:
    """A sandbox of its own, a dispatcher, and the recipes. Used as a context manager.

    No file and no variable of the user's is read, and no plugin of a third party is loaded: the
    demo shows the same everywhere.

    Raises:
        ConfigurationError: the sandbox's extra is not installed.
    """

    def __init__(self) -> None:
        # Its people type fast: a device's code need not be asked for every five seconds only.
        self._sandbox: Sandbox = sandbox_class()(device_interval=1)
        self._configuration = Configuration(environ={})
        self._registry = Registry.load(self._configuration, third_parties=False)

    def __enter__(self) -> Self:
        self._sandbox.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._sandbox.stop()

    @property
    def url(self) -> str:
        """Where the demo's sandbox is."""
        return self._sandbox.url

    @property
    def recipes(self) -> Sequence[Recipe]:
        """Every built-in set that an authority serves, the one that speaks both dialects in both.

        The identities that a machine or a platform gives are found by variables of the process, of
        which none is heeded here.
        """
        sandbox = self._sandbox
        application = Credential(sandbox.application.application_id, sandbox.application.secret)
        here, customer = sandbox.tenant.domain, sandbox.customers[0].domain
        service_principal = {"credential": application, "tenant_id": here}
        certificate = {
            "application_id": application.user_name,
            "certificate": sandbox.application.certificate_path,
            "tenant_id": here,
        }
        everything = f"{sandbox.url}/.default"
        person = {"application_id": sandbox.public_application_id, "tenant_id": here}
        return (
            Recipe("ServicePrincipal", ENTRA_V2, service_principal),
            Recipe("ServicePrincipal", ENTRA_V1, service_principal),
            Recipe("ServicePrincipalCertificate", ENTRA_V2, certificate),
            Recipe("ServicePrincipalCertificate", ENTRA_V1, certificate),
            Recipe(
                "ServicePrincipalAssertion",
                ENTRA_V2,
                {
                    "application_id": application.user_name,
                    "client_assertion": self._vouched_for,
                    "tenant_id": here,
                },
            ),
            Recipe(
                "RefreshToken",
                ENTRA_V2,
                {
                    "refresh_token": Secret(sandbox.issue_refresh_token()),
                    "credential": application,
                    "tenant_id": customer,
                },
            ),
            Recipe("User", ENTRA_V2, person, "in the browser"),
            Recipe("User", ENTRA_V2, {**person, "device_code": True}, "by device code"),
            Recipe(
                "OnBehalfOf",
                ENTRA_V2,
                {**service_principal, "user_assertion": Secret(sandbox.issue_access_token())},
            ),
            Recipe(
                "TokenExchange",
                OIDC,
                {
                    "subject_token": Secret(sandbox.issue_access_token()),
                    "credential": application,
                    "scopes": everything,
                },
            ),
            Recipe(
                "JwtBearer",
                OIDC,
                {"assertion": Secret(sandbox.sign_assertion()), "scopes": everything},
            ),
            Recipe(
                "SignedJwtBearer",
                OIDC,
                {
                    "application_id": application.user_name,
                    "certificate": sandbox.application.certificate_path,
                    "subject": sandbox.user.user_name,
                    "scopes": everything,
                },
            ),
            Recipe(
                "AccessToken",
                ENTRA_V2,
                {"access_token": Secret(sandbox.issue_access_token(scope=everything))},
            ),
            Recipe(
                "Consent",
                ENTRA_V2,
                {"consent": True, "credential": application, "tenant_id": here},
                "in the browser",
                repeatable=False,
            ),
        )

    def _vouched_for(self) -> Secret:
        """An assertion for the application, as its platform would make one."""
        return Secret(self._sandbox.platform_token())

    def outcomes(self) -> Iterator[Outcome]:
        """Try one recipe after the other."""
        for recipe in self.recipes:
            yield self.attempt(recipe)

    def attempt(self, recipe: Recipe) -> Outcome:
        """Try one recipe, with a dispatcher that knows nothing of the others."""
        with (
            StandIn(self._sandbox.person()) as person,
            Dispatcher(self._registry, config=self._configuration, prompter=person) as dispatcher,
        ):
            return self._attempt(recipe, dispatcher)

    def _attempt(self, recipe: Recipe, dispatcher: Dispatcher) -> Outcome:
        environment = attrs.evolve(
            self._sandbox.issuer if recipe.protocol is OIDC else self._sandbox.environment,
            protocol=recipe.protocol,
        )
        call = {"environment": environment, **recipe.parameters}
        seen = len(self._sandbox.requests)
        explain = cast("Callable[..., Explanation]", dispatcher.explain)
        explanation = explain(**call)
        outcome = Outcome(recipe, explanation, summary=self._summary(explanation))
        if len(self._sandbox.requests) > seen:
            outcome = outcome.with_fault("explaining it sent a request")
        if explanation.parameter_set != recipe.parameter_set:
            outcome = outcome.with_fault(f"{explanation.parameter_set or 'nothing'} was chosen")
        acquire = cast("Callable[..., AuthenticationResult]", dispatcher.acquire)
        started = time.perf_counter()
        try:
            result = acquire(timeout=_TIMEOUT, **call)
        except GrantwayError as error:
            return outcome.with_fault(str(error))
        milliseconds = (time.perf_counter() - started) * 1000
        sent, besides = as_sent(
            explanation.requests, self._sandbox.requests[seen:], self.url, _secrets(recipe)
        )
        outcome = attrs.evolve(
            outcome, sent=sent, asked=besides, answer=_answer(result, milliseconds)
        )
        if any(each.differences for each in outcome.sent):
            outcome = outcome.with_fault("what was sent is not what was explained")
        outcome = self._with_claims(outcome, result)
        if not recipe.repeatable:
            return outcome
        try:
            outcome = self._with_second_call(outcome, result, dispatcher, call)
            return self._with_api_call(outcome, dispatcher, call)
        except GrantwayError as error:
            return outcome.with_fault(str(error))

    def _summary(self, explanation: Explanation) -> str:
        found = (
            parameter_set.summary
            for provider in self._registry.providers
            for parameter_set in provider.parameter_sets
            if parameter_set.name == explanation.parameter_set
        )
        return next(found, "")

    def _with_claims(self, outcome: Outcome, result: "AuthenticationResult") -> Outcome:
        """Read the access token, as the API does that it is for: signature first."""
        import jwt

        from grantway_sandbox.tokens import read

        try:
            claims = read(self._sandbox.authority, result.access_token)
        except jwt.InvalidTokenError:
            return outcome.with_fault("the access token is not signed by the sandbox")
        return attrs.evolve(outcome, claims=claims)

    def _with_second_call(
        self,
        outcome: Outcome,
        result: "AuthenticationResult",
        dispatcher: Dispatcher,
        call: Mapping[str, object],
    ) -> Outcome:
        """Make the same call again; it is to be served without a request."""
        acquire = cast("Callable[..., AuthenticationResult]", dispatcher.acquire)
        seen, started = len(self._sandbox.requests), time.perf_counter()
        second = acquire(timeout=_TIMEOUT, **call)
        milliseconds = (time.perf_counter() - started) * 1000
        if second.access_token != result.access_token or len(self._sandbox.requests) > seen:
            return outcome.with_fault("the same call again was not served without asking")
        return attrs.evolve(outcome, again=milliseconds)

    def _with_api_call(
        self, outcome: Outcome, dispatcher: Dispatcher, call: Mapping[str, object]
    ) -> Outcome:
        """Use the token as a program would: with `requests` and `.auth()`."""
        import requests

        bind = cast("Callable[..., TokenSource]", dispatcher.bind)
        url = self._sandbox.api
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(url, auth=bind(**call).auth(), timeout=_TIMEOUT)
        except requests.RequestException as error:
            return outcome.with_fault(f"the API did not answer ({type(error).__name__})")
        outcome = attrs.evolve(outcome, api=url, api_status=answer.status_code)
        if answer.status_code != 200 or answer.json() != outcome.claims:
            return outcome.with_fault("the API did not take the token")
        return outcome


def _secrets(recipe: Recipe) -> dict[str, str]:
    """The secrets that a request may carry, by the name of their form field."""
    found: dict[str, str] = {}
    for name, value in recipe.parameters.items():
        match value:
            case Secret():
                found["assertion" if name == "user_assertion" else name] = value.reveal()
            case Credential(password=Secret() as password):
                found["client_secret"] = password.reveal()
            case _:
                pass
    return found


def _answer(result: "AuthenticationResult", milliseconds: float) -> Answer:
    lifetime = 0
    if result.expires_on is not None and result.acquired_on is not None:
        lifetime = round((result.expires_on - result.acquired_on).total_seconds())
    return Answer(
        result.token_type,
        lifetime,
        result.scopes,
        result.tenant_id,
        result.account.user_name if result.account else "",
        result.authentication_methods,
        result.refresh_token is not None,
        milliseconds,
    )
