"""Parameters, and the sets of them that ways of authenticating take.

One `Parameter` declaration gives the command-line option, the environment variable, parsing,
validation, redaction, the documentation and the JSON schema. Its type travels with it: a
provider that reads `request[VAULT_URL]` gets what `VAULT_URL.parse` returns, under every type
checker.

A value goes through two stages. `parse` turns what was given, from Python or as text, into the
parameter's type and knows nothing of clouds. `validator` then sees the environment too, and
returns the value as that environment spells it (a resource name becomes its URI, braces leave a
GUID). Both raise `ValueError` with a reason fit for a message, `Refused` where the parameter's help
would be no remedy; neither repeats a secret.

A `ParameterSet` is a way of calling: which parameters it needs and which it takes beside the
`COMMON` ones, which every set takes.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import attrs

from grantway import secret as secrets_
from grantway.named import Named

if TYPE_CHECKING:
    from grantway.certificate import ClientCertificate
    from grantway.environment import Environment

T_co = TypeVar("T_co", covariant=True)

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


class Refused(ValueError):
    """Why a value is refused, and what to do about it other than to read what it is for."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.remedy = remedy


def text(value: object) -> str:
    """A text that is not blank; surrounding white space is dropped."""
    if not isinstance(value, str):
        raise ValueError(f"expected text, not {type(value).__name__}")
    if not value.strip():
        raise ValueError("it is empty")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("it has bytes in it that are no UTF-8 text")
    return value.strip()


def flag(value: object) -> bool:
    """True or False; as text: true, yes, on, 1 or false, no, off, 0."""
    if isinstance(value, bool):
        return value
    word = value.strip().casefold() if isinstance(value, str) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("expected true or false")


def words(value: object) -> tuple[str, ...]:
    """Several words: a list of them, or one text with white space between. Order is kept."""
    if isinstance(value, str):
        found = tuple(text(word) for word in value.split())
    elif isinstance(value, Iterable):
        found = tuple(
            word for item in cast("Iterable[object]", value) for word in text(item).split()
        )
    else:
        raise ValueError("expected words, as a list or one text with spaces between")
    if not found:
        raise ValueError("it is empty")
    return tuple(dict.fromkeys(found))


def json_object(value: object) -> str:
    """A JSON object, given as such or as text; returned as compact text with its names sorted."""
    import json

    try:
        parsed: object = json.loads(value) if isinstance(value, str) else value
        if not isinstance(parsed, dict):
            raise TypeError
        return json.dumps(parsed, separators=(",", ":"), sort_keys=True)
    except (TypeError, json.JSONDecodeError, RecursionError):
        raise ValueError("expected a JSON object") from None


# What a parse function means to a JSON schema; any other one reads text.
SCHEMA_TYPES: dict[Callable[[object], object], dict[str, object]] = {
    flag: {"type": "boolean"},
    words: {"type": "array", "items": {"type": "string"}},
    json_object: {"type": "object"},
}


@attrs.frozen(eq=False, repr=False)
class Parameter(Named, Generic[T_co]):
    """One named input of a provider.

    Attributes:
        name: as in Python (`tenant_id`); the option is `--tenant-id`.
        parse: turns a given value, from Python or as text, into the parameter's type (`T_co`), or
            raises `ValueError` with the reason. That is shown, so it repeats no secret.
        help: one line, which `--help` and the reference show.
        secret: the value is or holds a secret: masked everywhere, and as text only a reference.
        identity: the value is part of the key under which a token is cached, and sets the refresh
            tokens of a third party's provider apart. Say False for what does not change which
            token comes back (how to prompt, where to save).
        presented: the value is a token that stands for somebody, another one with each call. Read
            from a reference it may be another by the next call, so no token at rest is served for
            that; and a refresh token that it brings rests under the value itself, for nobody else.
        choices: the only values there are.
        example: a value as it is typed, for examples; "": one is made up from the name.
        default: the value when nothing gives one, of the parameter's type: it is not parsed. A
            secret has none.
        env: the environment variable that may give it, by its literal name: nothing is put before
            it. Its text is read as on the command line, so that of a secret is a reference. None:
            no variable does.
        aliases: other names, accepted from Python and as options.
        excludes: names of parameters that cannot be given beside it. To say so in one of the two
            is enough.
        deprecated: what to use instead; a use of the parameter is warned about.
        validator: `validator(value, environment)` returns the value as that environment spells
            it, or raises `ValueError` with the reason. Called once the environment is known, with
            what `parse` returned, a secret not opened. None: the value stays as it is.
    """

    name: str
    parse: Callable[[object], T_co]
    help: str = ""
    secret: bool = attrs.field(default=False, kw_only=True)
    identity: bool = attrs.field(default=True, kw_only=True)
    presented: bool = attrs.field(default=False, kw_only=True)
    choices: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    example: str = attrs.field(default="", kw_only=True)
    default: object = attrs.field(default=None, kw_only=True)
    env: str | None = attrs.field(default=None, kw_only=True)
    aliases: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    excludes: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    deprecated: str = attrs.field(default="", kw_only=True)
    validator: "Callable[[T_co, Environment], T_co] | None" = attrs.field(
        default=None, kw_only=True
    )

    @property
    def is_flag(self) -> bool:
        """Whether it is a switch: given only when true."""
        return self.parse is flag

    @property
    def option(self) -> str:
        """Its command-line option: `--tenant-id`."""
        return "--" + self.name.replace("_", "-")

    def read(self, value: object) -> T_co:
        """Parse a value given from Python.

        Raises:
            ValueError: with the reason; a secret is never repeated in it.
        """
        parsed = self.parse(value)
        if self.choices and parsed not in self.choices:
            raise ValueError(f"expected one of {', '.join(self.choices)}")
        return parsed

    def read_text(self, value: str) -> T_co:
        """Parse a value that stood in a place others can read: a secret must be a reference.

        Raises:
            ValueError: as `read`, and for a bare secret.
        """
        return self.read(secrets_.from_text(value) if self.secret else value)

    def declares_the_same_as(self, other: "Parameter[object]") -> bool:
        """Whether two declarations of one name agree in all that a caller can notice."""
        return all(
            getattr(self, field.name) == getattr(other, field.name)
            for field in attrs.fields(Parameter)
            if field.name not in ("help", "example")
        )


def _as_tuple(given: "Iterable[Parameter[object]]") -> "tuple[Parameter[object], ...]":
    return tuple(given)


@attrs.frozen(eq=False, repr=False)
class ParameterSet(Named):
    """One way of calling a provider.

    A third party's set is selected by the parameters of a call only if it requires one that no
    built-in set takes; any other is reached with `provider=`.

    Attributes:
        name: unique in its provider; the reference command's name where it has one.
        required: parameters that must be given.
        at_least_one: of these, one or more must be given; with none, nothing more is asked for.
        optional: parameters that may be given, beside `COMMON`.
        default: the set that a call with nothing given is told about; of built-in ones only.
        summary: one line for lists.
    """

    name: str
    required: tuple[Parameter[object], ...] = attrs.field(default=(), converter=_as_tuple)
    at_least_one: tuple[Parameter[object], ...] = attrs.field(
        default=(), converter=_as_tuple, kw_only=True
    )
    optional: tuple[Parameter[object], ...] = attrs.field(
        default=(), converter=_as_tuple, kw_only=True
    )
    default: bool = attrs.field(default=False, kw_only=True)
    summary: str = attrs.field(default="", kw_only=True)

    @property
    def own(self) -> tuple[Parameter[object], ...]:
        """Its parameters without the common ones, in the order of its syntax."""
        return (*self.required, *self.at_least_one, *self.optional)

    @property
    def parameters(self) -> tuple[Parameter[object], ...]:
        """All parameters it takes."""
        return (*self.own, *COMMON)


def _resource(value: str, environment: "Environment") -> str:
    if environment.protocol.audience == "fixed":
        raise ValueError(
            f"{environment.name} speaks {environment.protocol.name}, where what a token is for is "
            "set up at the authority: give scopes instead"
        )
    return environment.resource(value)


def _scopes(value: tuple[str, ...], environment: "Environment") -> tuple[str, ...]:
    if environment.protocol.audience == "resource":
        raise ValueError(
            f"{environment.name} speaks {environment.protocol.name}, which knows no scopes: "
            "give resource instead"
        )
    return value


def _capabilities(value: tuple[str, ...], environment: "Environment") -> tuple[str, ...]:
    protocol = environment.protocol
    if not protocol.capabilities_claim:
        raise Refused(
            f"{environment.name} speaks {protocol.name}, which cannot be told what a client can "
            "handle",
            "Give no capabilities= there.",
        )
    # One spelling for each set of them, which is part of a token's name in the cache.
    return tuple(sorted(value))


def _retry_new_secret(value: bool, environment: "Environment") -> bool:
    protocol = environment.protocol
    if value and not protocol.propagation_codes:
        raise Refused(
            f"{environment.name} speaks {protocol.name}, where a secret that is not known yet "
            "cannot be told from a wrong one",
            "Leave it out, and try again by yourself.",
        )
    return value


def _client_id(value: str, environment: "Environment") -> str:
    return environment.protocol.client_id.read(value)


def _tenant(value: str, environment: "Environment") -> str:
    form, single = environment.protocol.tenant, environment.single_tenant
    tenant = form.read(value) if form else value
    if single and tenant.casefold() != single.casefold():
        if not environment.has_tenant:
            raise Refused(f"{environment.name} knows no tenants", "Give no tenant_id= there.")
        raise Refused(
            f"{environment.name} is of the single tenant {single!r}",
            "Give no tenant_id= there; another tenant is another environment.",
        )
    return tenant


def _redirect_uri(value: str, environment: "Environment") -> str:  # noqa: ARG001  # of the contract
    from grantway.redirect import RedirectAddress

    RedirectAddress.parse(value)
    return value


def _credential(value: secrets_.Credential, environment: "Environment") -> secrets_.Credential:
    user_name = environment.protocol.client_id.read(value.user_name)
    return secrets_.Credential(user_name, value.password)


def _environment(value: object) -> "str | Environment":
    from grantway.environment import Environment

    return value if isinstance(value, Environment) else text(value)


# A provider sees a secret only opened; that it may be a Reference until then is the
# dispatcher's business, and kept out of the types that providers work with.
secret = cast("Callable[[object], secrets_.Secret]", secrets_.secret)


def client_certificate(value: object) -> "ClientCertificate":
    """Where a client's certificate and key are: a path, a `Secret`, `Reference` or `Signer`."""
    # Imported here: few calls have one, and every start would pay for it.
    from grantway.certificate import client_certificate

    return client_certificate(value)


assertion = cast("Callable[[object], secrets_.Secret]", secrets_.made_secret)


def reference(value: object) -> secrets_.Reference:
    """Where a secret is to be put: a `Reference`, or its text."""
    return value if isinstance(value, secrets_.Reference) else secrets_.Reference(text(value))


ENVIRONMENT = Parameter(
    "environment",
    _environment,
    "The cloud or authority, by name; `grantway environments` lists them.",
    env="GRANTWAY_ENVIRONMENT",
    aliases=("environment_name",),
)
RESOURCE = Parameter(
    "resource",
    text,
    "What the token is for: a resource name of the environment, a GUID or an absolute URI.",
    env="GRANTWAY_RESOURCE",
    excludes=("scopes",),
    validator=_resource,
)
SCOPES = Parameter(
    "scopes",
    words,
    "What the token is for, as scopes, where the authority has them.",
    env="GRANTWAY_SCOPES",
    aliases=("scope",),
    excludes=("resource",),
    validator=_scopes,
)
CLAIMS = Parameter(
    "claims",
    json_object,
    "A claims challenge (a JSON object) to satisfy; passes the cache by and replaces its entry.",
    identity=False,
)
CAPABILITIES = Parameter(
    "capabilities",
    words,
    "What the client can handle, such as cp1 (claims challenges), where the authority asks.",
    env="GRANTWAY_CAPABILITIES",
    validator=_capabilities,
)
ACCOUNT = Parameter(
    "account", text, "The signed-in account to use, where there are several.", identity=False
)
COMMON: tuple[Parameter[object], ...] = (ENVIRONMENT, RESOURCE, SCOPES, CLAIMS, CAPABILITIES)

APPLICATION_ID = Parameter(
    "application_id",
    text,
    "The identifier of the application (the client id).",
    example="11111111-2222-3333-4444-555555555555",
    env="GRANTWAY_APPLICATION_ID",
    aliases=("client_id",),
    validator=_client_id,
)
CREDENTIAL = Parameter(
    "credential",
    secrets_.credential,
    "The service principal: its application id and its secret.",
    secret=True,
    env="GRANTWAY_CREDENTIAL",
    validator=_credential,
)
TENANT_ID = Parameter(
    "tenant_id",
    text,
    "The tenant, by GUID or verified domain.",
    example="contoso.example",
    env="GRANTWAY_TENANT_ID",
    aliases=("tenant", "domain"),
    validator=_tenant,
)
CERTIFICATE = Parameter(
    "certificate",
    client_certificate,
    "The application's certificate and key: the path of a PEM or PFX file, or a reference.",
    example="client.pem",
    env="GRANTWAY_CERTIFICATE",
    excludes=("credential", "client_assertion"),
)
CERTIFICATE_PASSWORD = Parameter(
    "certificate_password",
    secret,
    "The password of the certificate's file, where its key is encrypted.",
    secret=True,
    identity=False,
    env="GRANTWAY_CERTIFICATE_PASSWORD",
)
SEND_CERTIFICATE_CHAIN = Parameter(
    "send_certificate_chain",
    flag,
    "Send the certificate and those above it, where the authority goes by subject and issuer.",
    identity=False,
    env="GRANTWAY_SEND_CERTIFICATE_CHAIN",
)
KEY_ID = Parameter(
    "key_id",
    text,
    "The name (kid) of the certificate's key, at an authority that knows a client's keys by name.",
    identity=False,
    env="GRANTWAY_KEY_ID",
)
CLIENT_ASSERTION = Parameter(
    "client_assertion",
    assertion,
    "An assertion by which the application proves itself, such as its platform's token for it.",
    secret=True,
    # A platform makes a new one every hour, and it is the same application.
    identity=False,
    env="GRANTWAY_CLIENT_ASSERTION",
    excludes=("credential",),
)
RETRY_NEW_SECRET = Parameter(
    "retry_new_secret",
    flag,
    "Try again for up to a minute where a secret that was just made is not known everywhere yet.",
    identity=False,
    validator=_retry_new_secret,
)
CLIENT_PROOF: tuple[Parameter[object], ...] = (
    CERTIFICATE,
    CERTIFICATE_PASSWORD,
    SEND_CERTIFICATE_CHAIN,
    KEY_ID,
    CLIENT_ASSERTION,
    RETRY_NEW_SECRET,
)
"""What a set takes where a confidential client may prove itself by more than a credential."""

REFRESH_TOKEN = Parameter("refresh_token", secret, "The refresh token to redeem.", secret=True)
CONSENT = Parameter(
    "consent", flag, "Perform the partner consent process; the result has a refresh token."
)
DEVICE_CODE = Parameter(
    "device_code",
    flag,
    "Sign in on another device with a code; false forbids it.",
    identity=False,
    aliases=("device_auth", "use_device_authentication"),
)
LOGIN_HINT = Parameter(
    "login_hint", text, "The user name to offer on the sign-in page.", identity=False
)
PROMPT = Parameter(
    "prompt",
    text,
    "What the sign-in page asks for, whatever session the browser has.",
    identity=False,
    choices=("login", "consent", "select_account", "none"),
)
DOMAIN_HINT = Parameter(
    "domain_hint", text, "The domain whose sign-in page to go to at once.", identity=False
)
RESPONSE_MODE = Parameter(
    "response_mode",
    text,
    "How the browser brings the answer back; the authority's own way by default (query).",
    identity=False,
    choices=("query", "form_post"),
)
REDIRECT_URI = Parameter(
    "redirect_uri",
    text,
    "The loopback address the browser returns to, where the registration fixes one.",
    identity=False,
    validator=_redirect_uri,
)
REQUIRE_MFA = Parameter(
    "require_mfa",
    flag,
    "Accept the sign-in only if it is known to have had several factors.",
    identity=False,
)
SAVE_REFRESH_TOKEN = Parameter(
    "save_refresh_token",
    reference,
    "Where each new refresh token is written before the token is returned, as a reference.",
    identity=False,
)

# Words that calls and the command line use for themselves, as names of arguments, options and
# what options are stored under; no parameter may take them, nor any that begins with `no_`.
RESERVED = frozenset(
    (
        "provider", "parameter_set", "timeout", "force_refresh", "profile", "output", "json",
        "all_tokens", "proof_for", "proof_nonce", "challenge", "error", "help", "version",
        "no_plugins", "no_input", "verbose",
        "as_json", "format", "format_", "verbosity", "context", "ctx", "self",
    )
)  # fmt: skip

NAME = r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*"


def schema(parameter_set: ParameterSet) -> dict[str, object]:
    """The JSON schema (2020-12) of a parameter set: what a call of it may give, and must."""

    def of(parameter: Parameter[object]) -> dict[str, object]:
        kind = dict(SCHEMA_TYPES.get(parameter.parse, {"type": "string"}))
        kind["description"] = parameter.help
        if parameter.choices:
            kind["enum"] = list(parameter.choices)
        if parameter.example:
            kind["examples"] = [parameter.example]
        if parameter.default is not None:
            kind["default"] = parameter.default
        if parameter.secret:
            kind["writeOnly"] = True
        return kind

    described: dict[str, object] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": parameter_set.name,
        "type": "object",
        "properties": {each.name: of(each) for each in parameter_set.parameters},
        "required": [each.name for each in parameter_set.required],
        "additionalProperties": False,
    }
    if parameter_set.at_least_one:
        described["anyOf"] = [{"required": [each.name]} for each in parameter_set.at_least_one]
    return described
