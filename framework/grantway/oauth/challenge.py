"""What an API wants of a token that it has refused (RFC 9110, section 11.6.1; RFC 6750, section 3).

A refusal (401, or 403 for scopes) carries challenges in its header `WWW-Authenticate`. Three of
them can be answered by getting another token, and `Challenge.parameters` says how:

    claims (any error)                    the claims, decoded, are asked for
    insufficient_user_authentication      the person signs in anew, by the way that is named
                                          (RFC 9470, section 3)
    insufficient_scope                    the scopes are asked for

All others say no more than that the token was no good. Headers come from servers of every age, so
reading one never fails: names are compared without regard to case, white space and commas may be
anywhere, and where a header stops making sense, what stood before that counts.
"""

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import attrs

LONGEST = 64 * 1024
"""Characters of the longest header that is read; HTTP libraries take no longer line."""

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# A parameter. Some servers leave the quotes out around what needs them, so a bare value is
# whatever has no white space, comma or quote in it; it is none where it begins with "=", as the
# padding of a token68 does.
_PARAMETER = re.compile(
    rf'({_NAME})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"=][^\s,"]*))', re.DOTALL
)
_SCHEME = re.compile(rf"({_NAME})(?=[\s,]|\Z)")
_TOKEN68 = re.compile(r"[ \t]+([A-Za-z0-9._~+/-]+=*)(?=[ \t]*(?:,|\Z))")
_BETWEEN = re.compile(r"[\s,]*")

_TOKEN_SCHEMES = ("bearer", "dpop")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def _frozen(given: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({name.lower(): value for name, value in given.items()})


@attrs.frozen
class Challenge:
    """One challenge of a `WWW-Authenticate` header.

    >>> from grantway import Challenge
    >>> header = 'Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ"'
    >>> Challenge.demanded(header).parameters()
    {'claims': '{"access_token":{}}'}

    Attributes:
        scheme: as it came (`Bearer`, `DPoP`, `Basic`); schemes are compared without regard to case.
        values: its parameters, by lower-case name; of a name that comes twice, the first.
        token68: what stands there instead of parameters; "" for most.
    """

    scheme: str
    values: Mapping[str, str] = attrs.field(factory=dict[str, str], converter=_frozen, hash=False)
    token68: str = ""

    @classmethod
    def parse(cls, header: str | Iterable[str]) -> "tuple[Challenge, ...]":
        """All challenges of a header, in their order; of several headers, when a list is given.

        Never fails: what makes no sense ends its header.
        """
        lines = (header,) if isinstance(header, str) else header
        return tuple(found for line in lines for found in _challenges(line[:LONGEST]))

    @classmethod
    def demanded(cls, header: str | Iterable[str]) -> "Challenge | None":
        """The first challenge that another token may satisfy; None where there is none."""
        return next((each for each in cls.parse(header) if each.parameters()), None)

    @property
    def error(self) -> str:
        """The code of what is wrong (RFC 6750, section 3.1); "" where no token was sent."""
        return self.values.get("error", "")

    @property
    def description(self) -> str:
        """The same for people, as the server wrote it: not to be trusted, not to be acted on."""
        return self.values.get("error_description", "")

    @property
    def authorization_uri(self) -> str:
        """Where the API thinks that tokens come from. Told only: nothing is ever sent there."""
        return self.values.get("authorization_uri", "")

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that are needed (RFC 6750, section 3)."""
        return tuple(dict.fromkeys(_SCOPE.findall(self.values.get("scope", ""))))

    @property
    def acr_values(self) -> tuple[str, ...]:
        """The ways of signing in, the best first, one of which is needed (RFC 9470, section 3)."""
        return tuple(dict.fromkeys(self.values.get("acr_values", "").split()))

    @property
    def max_age(self) -> int | None:
        """Seconds that the sign-in may be old (RFC 9470, section 3); None: it does not say."""
        said = self.values.get("max_age", "")
        return int(said) if re.fullmatch(r"[0-9]{1,9}", said) else None

    @property
    def claims(self) -> str:
        """The claims that are needed, as compact JSON; "" where there are none that can be read.

        They come as base64 of a JSON object, of either alphabet, padded or not; or as JSON.
        """
        found = _claims(self.values.get("claims", ""))
        return "" if found is None else _compact(found)

    def parameters(self) -> dict[str, object]:
        """What to add to a call so that it brings a token that satisfies this; empty: nothing does.

        `claims` passes the cache by and replaces its entry. A better or newer sign-in needs the
        person, for no refresh token can say that they have signed in anew: so it comes with
        `prompt` "login", which satisfies every `max_age` too. `scopes` are those of the challenge
        alone: a token for them is another one, which may be at rest already.

        The challenge is one of `Bearer` or `DPoP`; nothing answers another one.
        """
        if self.scheme.lower() not in _TOKEN_SCHEMES:
            return {}
        if self.error == "insufficient_user_authentication" and not self.claims:
            return self._sign_in()
        if self.claims:
            return {"claims": self.claims}
        if self.error == "insufficient_scope" and self.scopes:
            return {"scopes": self.scopes}
        return {}

    def _sign_in(self) -> dict[str, object]:
        if not self.acr_values:
            return {"prompt": "login"} if self.max_age is not None else {}
        # OpenID Connect Core, section 5.5.1.1.
        acr = {"essential": True, "values": list(self.acr_values)}
        return {"claims": _compact({"id_token": {"acr": acr}}), "prompt": "login"}


def _challenges(line: str) -> list[Challenge]:
    found: list[Challenge] = []
    scheme, token68 = "", ""
    values: dict[str, str] = {}

    def close() -> None:
        if scheme:
            found.append(Challenge(scheme, values, token68))

    place = _end(_BETWEEN.match(line))
    while place < len(line):
        if parameter := _PARAMETER.match(line, place):
            name, quoted, bare = parameter.groups()
            value = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
            values.setdefault(name.lower(), value)
            place = parameter.end()
        elif begun := _SCHEME.match(line, place):
            close()
            scheme, token68, values = begun[1], "", {}
            place = begun.end()
            if (single := _TOKEN68.match(line, place)) and not _is_scheme(line, place):
                token68, place = single[1], single.end()
        else:
            break
        place = _end(_BETWEEN.match(line, place))
    close()
    return found


def _is_scheme(line: str, place: int) -> bool:
    """Whether a parameter comes next, which is no token68."""
    return _PARAMETER.match(line, _end(_BETWEEN.match(line, place))) is not None


def _end(matched: "re.Match[str] | None") -> int:
    return matched.end() if matched else 0


def _claims(said: str) -> dict[str, object] | None:
    text = said.strip()
    if not text.startswith("{"):
        body = text.rstrip("=").translate(str.maketrans("-_", "+/"))
        try:
            text = b64decode(body + "=" * (-len(body) % 4), validate=True).decode()
        except ValueError:
            return None
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType]  # JSON


def _compact(claims: Mapping[str, object]) -> str:
    return json.dumps(claims, separators=(",", ":"), sort_keys=True)
