"""Secrets, references to secrets, and a user name that goes with one.

A `Secret` shows itself only to whoever calls `reveal`: its text, its representation, its
formatting are a mask, and it refuses to be pickled. A `Reference` says where a secret rests
(`env:NAME`, `file:PATH`, ...) and is no secret itself; a vault opens it, and only when the
secret is about to be used. A `Credential` is the reference command's PSCredential: a user name
and the secret that goes with it.

Wherever a value comes as text that others can read (a command line, a file, the environment of
a process), a secret has to be a reference: `from_text` accepts nothing else, and never repeats
what it refuses.
"""

import re
from collections.abc import Callable
from typing import NoReturn, Self, TypeVar

import attrs

V = TypeVar("V")

MASK = "***"

STANDARD_INPUT = "-"
"""The reference to standard input, which can be read once."""

_REFERENCE = r"(?s)-|[A-Za-z][A-Za-z0-9+.-]*:.+"
_REMEDY = (
    "Give a reference instead: env:NAME, file:PATH, - (standard input), prompt:TEXT or "
    "keyring:SERVICE/NAME; a credential is USER=REFERENCE."
)


class Secret:
    """A secret text that masks itself in everything but `reveal()`.

    Raises:
        ValueError: it is no text, it is empty, or UTF-8 cannot hold it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise ValueError("a secret has to be text")
        if not value:
            raise ValueError("a secret cannot be empty")
        # Half a surrogate pair, as undecodable bytes become. An attempt to encode would show it.
        if not value.isascii() and re.search("[\ud800-\udfff]", value):
            raise ValueError("a secret has to be text that UTF-8 can hold")
        self._value = value

    def reveal(self) -> str:
        """The secret itself. Call it in the expression that uses it; keep it in no variable."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # Imported here: comparing is rare, and hmac brings OpenSSL into every start.
        from hmac import compare_digest

        return compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __getstate__(self) -> None:
        """Nothing: what asks is about to write it down."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled: pass a Reference, or reveal it knowingly")


class Unshown(dict[str, V]):
    """Values by name, secrets in clear perhaps among them: it shows the names only.

    Tracebacks can show the values of variables. So what may be a secret, and is not known to be
    one yet, stays in one of these, and no function that may raise takes it out.
    """

    def __repr__(self) -> str:
        return f"<not shown: {', '.join(self) or 'nothing'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("what may hold secrets cannot be pickled")


def _is_reference(_: object, __: object, value: str) -> None:
    if not isinstance(value, str) or not re.fullmatch(_REFERENCE, value):
        raise ValueError(f"not a reference to a secret. {_REMEDY}")


def _is_named(_: object, __: object, value: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a credential needs a user name")


@attrs.frozen(repr=False)
class Reference:
    """Where a secret rests: `scheme:name`, or `-` for standard input.

    The scheme belongs to a vault. Nothing is opened until a provider needs the secret.

    Attributes:
        text: the whole of it.

    Raises:
        ValueError: the text is not a reference; it is not repeated, for it may be a secret.
    """

    text: str = attrs.field(validator=_is_reference)

    @property
    def scheme(self) -> str:
        """The vault's scheme in lower case; `-` is its own."""
        return self.text.partition(":")[0].lower()

    @property
    def name(self) -> str:
        """What the vault is asked for: all that follows the first colon."""
        return self.text.partition(":")[2]

    def __repr__(self) -> str:
        return f"Reference({self.text!r})"

    def __str__(self) -> str:
        return self.text


def secret(value: object) -> Secret | Reference:
    """Take a secret from Python: a `str` is the secret itself, a `Reference` says where it is.

    Text from a place that others can read, such as a command line, is always a reference. A
    provider is given the secret that it stands for.

    Raises:
        ValueError: neither, or empty.
    """
    if isinstance(value, Secret | Reference):
        return value
    if isinstance(value, str):
        return Secret(value)
    raise ValueError("expected the secret as a str or Secret, or a Reference to it")


@attrs.frozen
class Made:
    """A secret that is made when it is needed, by a function that the caller has given."""

    make: Callable[[], object] = attrs.field(eq=False, repr=False)

    def __str__(self) -> str:
        return "(what a function makes)"


def made_secret(value: object) -> Secret | Reference | Made:
    """Take a secret from Python as `secret` does, or a function that makes it.

    Raises:
        ValueError: it is neither.
    """
    return Made(value) if callable(value) else secret(value)


class HoldsSecret:
    """A value that a secret, or a reference to one, is a part of."""

    __slots__ = ()

    @property
    def held(self) -> object:
        """That part; of a certificate, for one, it may be what is no secret at all."""
        raise NotImplementedError

    def holding(self, found: Secret) -> Self:
        """The same with this secret in its place."""
        raise NotImplementedError


@attrs.frozen
class Credential(HoldsSecret):
    """A user name (for a service principal its application id) and the secret that goes with it.

    >>> from grantway import Credential
    >>> print(Credential("11111111-2222-3333-4444-555555555555", "the secret"))
    Credential(user_name='11111111-2222-3333-4444-555555555555', password=Secret('***'))

    Attributes:
        user_name: it is no secret, and is shown.
        password: the secret; a provider is given it opened, as a `Secret`.

    Raises:
        ValueError: the user name or the secret is empty.
    """

    user_name: str = attrs.field(validator=_is_named)
    password: Secret | Reference = attrs.field(converter=secret)

    @property
    def held(self) -> Secret | Reference:
        """The password."""
        return self.password

    def holding(self, found: Secret) -> Self:
        """The same user with this password."""
        return attrs.evolve(self, password=found)


def credential(value: object) -> Credential:
    """Take a credential from Python: a `Credential`, or a pair of user name and secret.

    Raises:
        ValueError: it is neither; the value is not repeated.
    """
    match value:
        case Credential():
            return value
        case (str() as user_name, (str() | Secret() | Reference()) as password):
            return Credential(user_name, password)
        case _:
            raise ValueError(
                "expected a Credential(user_name, password); as text it is USER=REFERENCE"
            )


def from_text(text: str) -> Reference | Credential:
    """Read a secret parameter from a place that others can read: only references are taken.

    `USER=REFERENCE` gives a `Credential`, anything else that is well-formed a `Reference`.

    Raises:
        ValueError: the text is not a reference. It may be the secret, so it is not repeated.
    """
    if re.fullmatch(_REFERENCE, text):
        return Reference(text)
    user_name, equals, reference = text.partition("=")
    if equals and user_name.strip() and re.fullmatch(_REFERENCE, reference):
        return Credential(user_name.strip(), Reference(reference))
    raise ValueError(f"a secret is not accepted here. {_REMEDY}")
