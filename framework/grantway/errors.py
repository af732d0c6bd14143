"""Every error that grantway raises on purpose, as one tree.

    GrantwayError
    ├── SelectionError              the call is wrong; raised before any network
    │   ├── NoParameterSetMatches   what is missing, what does not belong
    │   ├── AmbiguousParameters     two third-party sets match alike
    │   ├── UnknownEnvironment      the nearest names
    │   └── InvalidParameter        one value, and what is wrong with it
    ├── InteractionRequired         a person must act, and nobody can be asked here
    ├── ConfigurationError          a file or a variable of the user's is wrong
    ├── PluginError                 a plugin broke its contract
    ├── VaultError                  a secret could not be read or kept
    ├── CacheError                  a token cache failed
    ├── TransportError              no answer came
    ├── DeadlineExceeded            the caller's time was up
    ├── Cancelled                   everybody who waited has gone
    ├── MalformedResponse           an answer came that is none
    ├── ProtocolViolation           an answer came that must not be trusted
    └── AuthorityError              the authority said no
        ├── InvalidGrant
        ├── InvalidClient
        ├── AccessDenied
        ├── ExpiredToken
        └── Throttled

Facts are attributes; the text is one sentence of what happened and, at its end, the remedy.
No error holds a secret, and each survives pickling, so that it can cross a process boundary:
every constructor argument but the message has a default, which is what unpickling relies on.
"""

from collections.abc import Sequence


class GrantwayError(Exception):
    """The root of the tree: `message` says what happened, `remedy` what to do about it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()

    def as_dict(self) -> dict[str, object]:
        """The error as JSON-ready facts: its type, message, remedy and every other attribute."""
        facts: dict[str, object] = {
            name: value
            for name, value in vars(self).items()
            if not name.startswith("_") and value not in (None, "", ())
        }
        return {"type": type(self).__name__, **facts}


class SelectionError(GrantwayError):
    """The call cannot be served as it stands. Nothing was sent."""


class NoParameterSetMatches(SelectionError):
    """No parameter set takes these parameters.

    `nearest` names the set (`Provider` or `Provider/Set`) that takes the fewest changes;
    `missing` and `unexpected` are the parameters to add and to leave out for it.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        nearest: str = "",
        missing: Sequence[str] = (),
        unexpected: Sequence[str] = (),
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.nearest = nearest
        self.missing = tuple(missing)
        self.unexpected = tuple(unexpected)


class AmbiguousParameters(SelectionError):
    """Several parameter sets match alike; `candidates` names them."""

    def __init__(self, message: str, *, remedy: str = "", candidates: Sequence[str] = ()) -> None:
        super().__init__(message, remedy=remedy)
        self.candidates = tuple(candidates)


class UnknownEnvironment(SelectionError):
    """No environment has this name; `nearest` lists names that resemble it."""

    def __init__(
        self, message: str, *, remedy: str = "", name: str = "", nearest: Sequence[str] = ()
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.name = name
        self.nearest = tuple(nearest)


class InvalidParameter(SelectionError):
    """The value of `parameter` cannot be used. The value itself is not echoed when secret."""

    def __init__(self, message: str, *, remedy: str = "", parameter: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.parameter = parameter


class InteractionRequired(GrantwayError):
    """A person has to sign in, consent or choose an account, and nobody can be asked here.

    `accounts` lists the user names to choose from, where that is the question; `claims` is the
    authority's claims challenge, to be passed on as `claims=`. The authority's own answer, if
    there was one, is the `__cause__`.
    """

    def __init__(
        self, message: str, *, remedy: str = "", accounts: Sequence[str] = (), claims: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.accounts = tuple(accounts)
        self.claims = claims


class ConfigurationError(GrantwayError):
    """The configuration cannot be used; `file` and `line` say where, when that is known."""

    def __init__(
        self, message: str, *, remedy: str = "", file: str = "", line: int | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.file = file
        self.line = line


class PluginError(GrantwayError):
    """A plugin failed or broke its contract; `plugin` and `distribution` say whose it is."""

    def __init__(
        self, message: str, *, remedy: str = "", plugin: str = "", distribution: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.plugin = plugin
        self.distribution = distribution


class VaultError(GrantwayError):
    """A vault could not give or keep a secret.

    When a token had been obtained before the vault failed, it is in `result`, so that nothing
    already fetched is lost with the error; `as_dict` and pickles leave it out.
    """

    def __init__(
        self, message: str, *, remedy: str = "", scheme: str = "", result: object = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.scheme = scheme
        self._result = result

    @property
    def result(self) -> object:
        """The `AuthenticationResult` obtained before the vault failed, or None."""
        return self._result

    def __reduce__(self) -> tuple[type["VaultError"], tuple[str], dict[str, object]]:
        return type(self), (self.message,), {**vars(self), "_result": None}


class CacheError(GrantwayError):
    """A token cache could not be read or written. A token already obtained is never lost by it."""


class TransportError(GrantwayError):
    """No answer came from `host`: refused, unreachable, broken off or not to be trusted by TLS."""

    def __init__(
        self, message: str, *, remedy: str = "", host: str = "", retryable: bool = True
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.host = host
        self.retryable = retryable


class DeadlineExceeded(GrantwayError):
    """The time the caller gave (`timeout`, in seconds) was up before the work was done."""

    def __init__(self, message: str, *, remedy: str = "", timeout: float | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.timeout = timeout


class Cancelled(GrantwayError):
    """The work was given up because everybody who waited for it has gone."""


class MalformedResponse(GrantwayError):
    """The answer is not what the protocol says: no JSON, too large, without a token.

    `status` is the HTTP status, `content_type` the answer's own claim, `host` who sent it;
    `retryable` is true where the server is in trouble (5xx, 429), `retry_after` the seconds it
    asked to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        host: str = "",
        status: int | None = None,
        content_type: str = "",
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.host = host
        self.status = status
        self.content_type = content_type
        self.retryable = retryable
        self.retry_after = retry_after


class ProtocolViolation(GrantwayError):
    """The answer must not be trusted: a redirect, a foreign host or issuer, a bad id_token."""


class AuthorityError(GrantwayError):
    """The authority refused, in the words of RFC 6749, section 5.2.

    `error` is the code a program reacts to; `description` is for people; `codes` are the
    authority's own numbers, `suberror`, `claims`, `correlation_id`,
    `trace_id` and `timestamp` are passed on as they came. `status` is the HTTP status,
    `retry_after` the seconds the authority asked to wait, `retryable` whether the same request
    may succeed later without anybody acting, `advice` what the environment knows of the code,
    `challenge` how the server wants a client to show who it is (`WWW-Authenticate`).
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        error: str = "",
        description: str = "",
        codes: Sequence[int] = (),
        suberror: str = "",
        claims: str = "",
        correlation_id: str = "",
        trace_id: str = "",
        timestamp: str = "",
        status: int | None = None,
        retry_after: float | None = None,
        retryable: bool = False,
        advice: str = "",
        challenge: str = "",
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.error = error
        self.description = description
        self.codes = tuple(codes)
        self.suberror = suberror
        self.claims = claims
        self.correlation_id = correlation_id
        self.trace_id = trace_id
        self.timestamp = timestamp
        self.status = status
        self.retry_after = retry_after
        self.retryable = retryable
        self.advice = advice
        self.challenge = challenge


class InvalidGrant(AuthorityError):
    """The refresh token, code or assertion is expired, revoked or not for this client."""


class InvalidClient(AuthorityError):
    """The client is unknown, or its secret, certificate or assertion is wrong."""


class AccessDenied(AuthorityError):
    """The user or the authority declined."""


class ExpiredToken(AuthorityError):
    """The device code ran out before anybody used it (RFC 8628, section 3.5)."""


class Throttled(AuthorityError):
    """The authority asks to wait longer (`retry_after`, seconds) than the caller's time allows."""
