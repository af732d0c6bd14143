"""Every wrong call has an error of its own, with a remedy, before anything is sent or opened."""

from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn

import pytest

from grantway import (
    AuthorityRequest,
    Configuration,
    Context,
    Credential,
    CredentialProvider,
    Dispatcher,
    Environment,
    Parameter,
    ParameterSet,
    Reference,
    Registry,
    hookimpl,
)
from grantway.config import parse
from grantway.errors import (
    ConfigurationError,
    GrantwayError,
    InvalidParameter,
    NoParameterSetMatches,
    PluginError,
    SelectionError,
    UnknownEnvironment,
)
from grantway.parameters import flag, text

CLIENT = "11111111-2222-3333-4444-555555555555"
SENTINEL = "s3ntinel-of-a-secret"
PRINCIPAL = {"credential": Credential(CLIENT, SENTINEL), "tenant_id": "contoso.example"}
KEYCLOAK = Environment("Keycloak", authority="https://id.example.org/realms/main")
V1 = "entra-v1"


class NoNetwork:
    """A transport that must not be used."""

    def fetch_token(self, request: AuthorityRequest, context: Context) -> NoReturn:
        raise AssertionError(f"{request.url} was asked")

    def fetch_json(
        self, request: AuthorityRequest, context: Context, *, max_age: float = 0
    ) -> NoReturn:
        raise AssertionError(f"{request.url} was asked")


class Switches:
    """A plugin with two switches that exclude each other."""

    @hookimpl
    def grantway_providers(self) -> list[CredentialProvider]:
        def never(*_: object) -> NoReturn:
            raise AssertionError("it was asked")

        one = Parameter("switch_one", flag, excludes=("switch_two",))
        parameter_set = ParameterSet(
            "Switches",
            (Parameter("switch_name", text),),
            optional=(one, Parameter("switch_two", flag)),
        )
        return [CredentialProvider("Switches", (parameter_set,), never)]


@pytest.fixture
def make() -> Iterator[Callable[..., Dispatcher]]:
    made: list[Dispatcher] = []

    def dispatcher(
        environ: Mapping[str, str] | None = None, toml: str = "", profile: str | None = None
    ) -> Dispatcher:
        read = parse(toml)
        configuration = Configuration(
            profiles=read.profiles, environments=read.environments, environ=dict(environ or {})
        )
        registry = Registry.of(Switches(), configuration=configuration)
        found = Dispatcher(
            registry, transport=NoNetwork(), config=configuration, profile=profile, prompter=False
        )
        made.append(found)
        return found

    yield dispatcher
    for each in made:
        each.close()


def refused(
    dispatcher: Dispatcher, kind: type[GrantwayError], parameters: Mapping[str, object]
) -> GrantwayError:
    """The error of a call, which must not hold the secret, nor let a traceback show it."""
    with pytest.raises(kind) as caught:
        dispatcher.acquire(**parameters)  # type: ignore[call-overload]
    assert SENTINEL not in str(caught.value)
    assert caught.value.message
    assert caught.value.message[-1] in ".?"
    assert isinstance(caught.value, GrantwayError)
    return caught.value


GIVEN: dict[str, tuple[Mapping[str, object], type[GrantwayError], str]] = {
    "an unknown environment": (
        {**PRINCIPAL, "environment": "GlobalClod"},
        UnknownEnvironment,
        "There is no environment 'GlobalClod'. Did you mean GlobalCloud",
    ),
    "an environment that resembles none": (
        {**PRINCIPAL, "environment": "zzz"},
        UnknownEnvironment,
        "There is no environment 'zzz'. There are: ",
    ),
    "an empty environment": (
        {**PRINCIPAL, "environment": " "},
        InvalidParameter,
        "environment: it is empty.",
    ),
    "a malformed application id": (
        {"application_id": "not-a-guid"},
        InvalidParameter,
        "application_id: 'not-a-guid' is not a GUID",
    ),
    "an application id with an opening brace only": (
        {"application_id": "{" + CLIENT},
        InvalidParameter,
        "application_id: ",
    ),
    "an application id with a closing brace only": (
        {"application_id": CLIENT + "}"},
        InvalidParameter,
        "application_id: ",
    ),
    "an application id with a line break": (
        {"application_id": CLIENT + "\nx"},
        InvalidParameter,
        "application_id: ",
    ),
    "a malformed user name of a credential": (
        {**PRINCIPAL, "credential": Credential("nobody", SENTINEL)},
        InvalidParameter,
        "credential: 'nobody' is not a GUID",
    ),
    "an empty application id": (
        {"application_id": ""},
        InvalidParameter,
        "application_id: it is empty.",
    ),
    "a blank tenant": ({**PRINCIPAL, "tenant_id": "  "}, InvalidParameter, "tenant_id: it is"),
    "an empty refresh token": (
        {"application_id": CLIENT, "refresh_token": ""},
        InvalidParameter,
        "refresh_token: a secret cannot be empty.",
    ),
    "an empty secret in a pair": (
        {**PRINCIPAL, "credential": (CLIENT, "")},
        InvalidParameter,
        "credential: a secret cannot be empty.",
    ),
    "a credential without a user name": (
        {**PRINCIPAL, "credential": (" ", SENTINEL)},
        InvalidParameter,
        "credential: a credential needs a user name.",
    ),
    "a credential that is a text": (
        {**PRINCIPAL, "credential": SENTINEL},
        InvalidParameter,
        "credential: expected a Credential(user_name, password)",
    ),
    "a number for a text": ({"application_id": 5}, InvalidParameter, "application_id: expected"),
    "no scopes": ({**PRINCIPAL, "scopes": []}, InvalidParameter, "scopes: it is empty."),
    "a word for a flag": (
        {"application_id": CLIENT, "consent": "perhaps"},
        InvalidParameter,
        "consent: expected true or false.",
    ),
    "another choice": (
        {"application_id": CLIENT, "prompt": "never"},
        InvalidParameter,
        "prompt: expected one of login, consent, select_account, none.",
    ),
    "claims that are no object": (
        {**PRINCIPAL, "claims": "[1]"},
        InvalidParameter,
        "claims: expected a JSON object.",
    ),
    "resource together with scopes": (
        {**PRINCIPAL, "resource": "graph", "scopes": "User.Read"},
        InvalidParameter,
        "resource and scopes exclude each other. Give one of them.",
    ),
    "resource together with scopes by its alias": (
        {**PRINCIPAL, "resource": "graph", "scope": "User.Read"},
        InvalidParameter,
        "resource and scopes exclude each other.",
    ),
    "a resource that is nothing": (
        {**PRINCIPAL, "resource": "grpah"},
        InvalidParameter,
        "Did you mean graph",
    ),
    "a relative resource": (
        {**PRINCIPAL, "resource": "/v1.0/me"},
        InvalidParameter,
        "is neither a resource of GlobalCloud",
    ),
    "a tenant with a slash": (
        {**PRINCIPAL, "tenant_id": "contoso/x"},
        InvalidParameter,
        "tenant_id: 'contoso/x' is not a tenant",
    ),
    "a tenant that climbs": ({**PRINCIPAL, "tenant_id": ".."}, InvalidParameter, "tenant_id: "),
    "a tenant with a query": ({**PRINCIPAL, "tenant_id": "a.b?c"}, InvalidParameter, "tenant_id: "),
    "one parameter by name and by alias": (
        {**PRINCIPAL, "tenant": "contoso.example"},
        InvalidParameter,
        "tenant_id is given twice: tenant is another word for it. Give it once.",
    ),
    "two aliases of one parameter": (
        {"credential": PRINCIPAL["credential"], "tenant": "a.example", "domain": "a.example"},
        InvalidParameter,
        "tenant_id is given twice",
    ),
    "an unknown parameter": (
        {**PRINCIPAL, "tennant_id": "x"},
        InvalidParameter,
        "There is no parameter 'tennant_id'. Did you mean tenant_id",
    ),
    "a parameter that resembles none": (
        {"zzzzzzzz": "x"},
        InvalidParameter,
        "There is no parameter 'zzzzzzzz'. `grantway providers` lists them.",
    ),
    "the reference's spelling": (
        {"TenantId": "x"},
        InvalidParameter,
        "There is no parameter 'TenantId'. Did you mean tenant_id",
    ),
    "two switches that exclude each other": (
        {"switch_name": "x", "switch_one": True, "switch_two": True},
        InvalidParameter,
        "switch_one and switch_two exclude each other.",
    ),
    "another tenant of a single-tenant authority": (
        {**PRINCIPAL, "environment": KEYCLOAK, "tenant_id": "other"},
        InvalidParameter,
        "tenant_id: Keycloak knows no tenants. Give no tenant_id= there.",
    ),
    "another tenant than the environment says": (
        {
            **PRINCIPAL,
            "environment": Environment("One", authority="https://one.example", tenant="mine"),
            "tenant_id": "theirs",
        },
        InvalidParameter,
        "tenant_id: One is of the single tenant 'mine'. Give no tenant_id= there;",
    ),
    "an unknown provider": (
        {**PRINCIPAL, "provider": "ServicePrincipel"},
        PluginError,
        "There is no credential provider 'ServicePrincipel'. Did you mean ServicePrincipal",
    ),
    "an unknown parameter set": (
        {**PRINCIPAL, "provider": "ServicePrincipal", "parameter_set": "X"},
        PluginError,
        "The provider ServicePrincipal has no parameter set 'X'. It has: ServicePrincipal.",
    ),
    "a parameter set without a provider": (
        {**PRINCIPAL, "parameter_set": "X"},
        SelectionError,
        "parameter_set is given without provider. Name the provider too.",
    ),
    "a provider that does not take the call": (
        {**PRINCIPAL, "provider": "User"},
        NoParameterSetMatches,
        "User needs application_id; User does not take credential.",
    ),
    "a reference of an unknown vault": (
        {**PRINCIPAL, "credential": Credential(CLIENT, Reference(f"odd:{SENTINEL}"))},
        InvalidParameter,
        "credential: no installed vault opens this reference. References begin with one of: ",
    ),
    "a destination of an unknown vault": (
        {"application_id": CLIENT, "refresh_token": SENTINEL, "save_refresh_token": "odd:place"},
        InvalidParameter,
        "save_refresh_token: no installed vault opens this reference.",
    ),
    "a destination that is no reference": (
        {"application_id": CLIENT, "refresh_token": SENTINEL, "save_refresh_token": SENTINEL},
        InvalidParameter,
        "save_refresh_token: not a reference to a secret.",
    ),
    "an application that would sign in at common": (
        {**PRINCIPAL, "tenant_id": "common"},
        InvalidParameter,
        "tenant_id: an application by itself cannot sign in at 'common'.",
    ),
}


@pytest.mark.parametrize(("parameters", "kind", "message"), list(GIVEN.values()), ids=list(GIVEN))
def test_a_wrong_call_is_refused_before_anything_is_sent(
    make: Callable[..., Dispatcher],
    parameters: Mapping[str, object],
    kind: type[GrantwayError],
    message: str,
) -> None:
    assert message in str(refused(make(), kind, parameters))


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "soon", True, [1]])
def test_a_timeout_that_is_no_positive_number_of_seconds_is_refused(
    make: Callable[..., Dispatcher], timeout: object
) -> None:
    error = refused(make(), InvalidParameter, {**PRINCIPAL, "timeout": timeout})
    assert str(error).startswith("timeout: ")


@pytest.mark.parametrize("timeout", [10**5000, -(10**5000)], ids=["large", "small"])
def test_a_timeout_beyond_all_numbers_is_refused(
    make: Callable[..., Dispatcher], timeout: object
) -> None:
    error = refused(make(), InvalidParameter, {**PRINCIPAL, "timeout": timeout})
    assert str(error).startswith("timeout: <int> is no positive number")


@pytest.mark.parametrize("name", [5, b"ServicePrincipal", [], {}, True])
@pytest.mark.parametrize("what", ["provider", "parameter_set"])
@pytest.mark.parametrize("entrance", ["acquire", "bind", "explain"])
def test_a_name_that_is_no_text_is_refused(
    make: Callable[..., Dispatcher], what: str, name: object, entrance: str
) -> None:
    call: Callable[..., object] = getattr(make(), entrance)
    with pytest.raises(InvalidParameter, match=f"{what}: expected a name") as caught:
        call(**{"provider": "ServicePrincipal", **PRINCIPAL, what: name})
    assert caught.value.parameter == what


def test_standard_input_is_one_secret_and_not_two(make: Callable[..., Dispatcher]) -> None:
    two = {"credential": Credential(CLIENT, Reference("-")), "refresh_token": Reference("-")}
    error = refused(make(), InvalidParameter, two)
    assert "standard input is that of" in str(error)
    one = {**two, "refresh_token": Reference("env:OTHER")}
    assert make().explain(**one).provider == "RefreshToken"  # type: ignore[arg-type]


def test_an_unknown_environment_offers_the_nearest_names(make: Callable[..., Dispatcher]) -> None:
    error = refused(make(), UnknownEnvironment, {**PRINCIPAL, "environment": "chinacloud2"})
    assert isinstance(error, UnknownEnvironment)
    assert (error.name, error.nearest[0]) == ("chinacloud2", "ChinaCloud")


def test_the_name_of_an_environment_is_compared_without_regard_to_case(
    make: Callable[..., Dispatcher],
) -> None:
    plan = make().explain(**PRINCIPAL, environment="azureCHINAcloud")
    assert plan.environment == "ChinaCloud"


def test_braces_around_an_application_id_are_taken_off(make: Callable[..., Dispatcher]) -> None:
    plan = make().explain(application_id="{" + CLIENT.upper() + "}")
    assert plan.values["application_id"] == CLIENT


def test_scopes_are_refused_where_the_protocol_knows_resources_only(
    make: Callable[..., Dispatcher],
) -> None:
    toml = f'[environments.Old]\nlike = "GlobalCloud"\nprotocol = "{V1}"\n'
    error = refused(
        make(toml=toml),
        InvalidParameter,
        {**PRINCIPAL, "environment": "Old", "scopes": "User.Read"},
    )
    assert "Old speaks entra-v1, which knows no scopes: give resource instead" in str(error)


BARE = f"{CLIENT}={SENTINEL}"


@pytest.mark.parametrize(
    ("environ", "where"),
    [
        ({"GRANTWAY_CREDENTIAL": BARE}, "environment variables (GRANTWAY_CREDENTIAL)"),
        ({"GRANTWAY_CREDENTIAL": SENTINEL}, "environment variables (GRANTWAY_CREDENTIAL)"),
    ],
)
def test_a_bare_secret_in_an_environment_variable_is_refused_and_not_echoed(
    make: Callable[..., Dispatcher], environ: Mapping[str, str], where: str
) -> None:
    error = refused(make(environ), ConfigurationError, {"tenant_id": "contoso.example"})
    assert str(error).startswith(f"credential from {where}: a secret is not accepted here.")
    assert "env:NAME" in str(error)


@pytest.mark.parametrize(
    "line",
    [
        f'credential = "{BARE}"',
        f'credential = ["{CLIENT}", "{SENTINEL}"]',
        f'credential = {{ user_name = "{CLIENT}", password = "{SENTINEL}" }}',
        f'application_id = "{CLIENT}"\nrefresh_token = "{SENTINEL}"',
    ],
)
def test_a_bare_secret_in_a_profile_is_refused_and_not_echoed(
    make: Callable[..., Dispatcher], line: str
) -> None:
    toml = f'[profiles.work]\ntenant_id = "contoso.example"\n{line}\n'
    error = refused(make(toml=toml, profile="work"), ConfigurationError, {})
    assert "from profile work" in str(error)


def test_a_secret_that_looks_like_a_reference_is_not_shown_by_explain(
    make: Callable[..., Dispatcher],
) -> None:
    dispatcher = make({"GRANTWAY_CREDENTIAL": f"{CLIENT}=odd:{SENTINEL}"})
    with pytest.raises(InvalidParameter) as caught:
        dispatcher.explain(tenant_id="contoso.example")
    assert SENTINEL not in str(caught.value)


def test_a_mistake_in_a_variable_that_the_call_does_not_need_is_not_felt(
    make: Callable[..., Dispatcher],
) -> None:
    dispatcher = make({"GRANTWAY_CREDENTIAL": SENTINEL})
    assert dispatcher.explain(application_id=CLIENT).provider == "User"


def test_an_oidc_issuer_needs_no_tenant_and_none_is_told(make: Callable[..., Dispatcher]) -> None:
    plan = make().explain(environment=KEYCLOAK, credential=("any client", "a secret"))
    assert plan.provider == "ServicePrincipal"
    assert plan.because == "ServicePrincipal is the one set that takes credential, environment."
    assert "tenant_id" not in {*plan.values, *plan.origins}


def test_the_tenant_of_a_single_tenant_authority_is_told(make: Callable[..., Dispatcher]) -> None:
    one = Environment("One", authority="https://one.example", tenant="mine")
    plan = make().explain(environment=one, credential=("any client", "a secret"))
    assert plan.values["tenant_id"] == "mine"
    assert plan.origins["tenant_id"] == "the environment's tenant"
    assert plan.because.endswith("completed with tenant_id from the environment's tenant.")


def test_the_variables_never_give_a_single_tenant_authority_another_tenant(
    make: Callable[..., Dispatcher],
) -> None:
    dispatcher = make({"GRANTWAY_TENANT_ID": "contoso.example"})
    plan = dispatcher.explain(environment=KEYCLOAK, credential=("any client", "a secret"))
    assert plan.provider == "ServicePrincipal"
    assert "tenant_id" not in plan.values


def test_the_application_id_beats_the_user_name_with_a_warning(
    make: Callable[..., Dispatcher],
) -> None:
    other = CLIENT.replace("1", "9")
    plan = make().explain(**PRINCIPAL, application_id=other)
    assert plan.values["application_id"] == other
    assert plan.warnings == (f"application_id {other} is used; the credential is of {CLIENT}.",)
    assert not make().explain(**PRINCIPAL, application_id="{" + CLIENT + "}").warnings


def test_a_false_switch_is_no_rival(make: Callable[..., Dispatcher]) -> None:
    plan = make().explain(switch_name="x", switch_one=False, switch_two=True)
    assert (plan.provider, plan.values["switch_one"]) == ("Switches", "false")


def test_no_frame_of_a_refused_call_holds_a_secret_in_clear(
    make: Callable[..., Dispatcher],
) -> None:
    import traceback

    hidden = {"token": SENTINEL}
    with pytest.raises(GrantwayError) as caught:
        make().acquire(application_id="nobody", refresh_token=hidden.pop("token"))
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [each for each in shown.stack if "framework" in each.filename]
    assert ours
    assert all(SENTINEL not in str(each.locals) for each in ours)
