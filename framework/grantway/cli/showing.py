"""How a token is printed: `grantway token --output`."""

from typing import TYPE_CHECKING

from grantway.cli import output
from grantway.errors import ProtocolViolation

if TYPE_CHECKING:
    from collections.abc import Callable

    from grantway.result import AuthenticationResult

FORMATS = ("text", "json", "header", "env", "table")


def show(
    result: "AuthenticationResult",
    format_: str,
    *,
    all_tokens: bool = False,
    prove: "Callable[[AuthenticationResult], str] | None" = None,
) -> None:
    """Print a result in one of `FORMATS`, with the proof for one request where that is wanted.

    Raises:
        InvalidParameter: a proof is wanted of a token that is bound to no key.
    """
    proof = prove(result) if prove is not None else ""
    if result.proof_key is not None and not proof and format_ != "table":
        # Imported here: most tokens are bound to nothing, and are printed without it.
        import logging

        logging.getLogger("grantway").warning(
            "this token is bound to a key (DPoP): an API takes it only with a proof made for each "
            "request; --proof-for METHOD URL prints one beside it"
        )
    match format_:
        case "json":
            facts = result.as_dict(secrets=all_tokens)
            output.write_json({**facts, "dpop_proof": proof} if proof else facts)
        case "header":
            from grantway.result import NOT_APPLICABLE

            if result.token_type == NOT_APPLICABLE:
                raise ProtocolViolation(
                    "What was issued is no access token, so there is no header for it.",
                    remedy="Give --output text, and use it for what it is.",
                )
            header = f"{result.token_type} {result.access_token}"
            if not header.isascii() or not header.isprintable():
                raise ProtocolViolation(
                    "The token or its type has characters that no header takes."
                )
            output.write(f"Authorization: {header}")
            if proof:
                output.write(f"DPoP: {proof}")
        case "env":
            output.write(_assignments(result, proof))
        case "table":
            output.write(_table(result))
        case _:
            output.write(result.access_token)


def _assignments(result: "AuthenticationResult", proof: str) -> str:
    import shlex

    values = {
        "GRANTWAY_ACCESS_TOKEN": result.access_token,
        "GRANTWAY_TOKEN_TYPE": result.token_type,
        "GRANTWAY_EXPIRES_ON": result.expires_on.isoformat() if result.expires_on else "",
    }
    if proof:
        values["GRANTWAY_DPOP_PROOF"] = proof
    return "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())


def _table(result: "AuthenticationResult") -> str:
    account = result.account
    rows = {
        "Environment": result.environment,
        "Provider": result.provider,
        "Tenant": result.tenant_id,
        "Account": (account.user_name or account.subject) if account else "",
        "Resource": result.resource or "",
        "Scopes": " ".join(result.scopes),
        "Token type": result.token_type,
        "Issued as": result.issued_token_type,
        "Expires on": output.instant(result.expires_on) if result.expires_on else "not said",
        "Signed in with": ", ".join(result.authentication_methods),
        "Refresh token": "came" if result.refresh_token else "none",
        "Correlation id": result.correlation_id,
    }
    return output.pairs(
        (output.heading(name), output.printable(value)) for name, value in rows.items() if value
    )
