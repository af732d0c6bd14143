"""Answers that several endpoints give: refusals in JSON, and scripted ones as they stand."""

import json
import uuid

from authlib.oauth2 import OAuth2Error
from flask import Response, request

from grantway_sandbox.authority import Authority
from grantway_sandbox.errors import EntraError
from grantway_sandbox.model import is_guid
from grantway_sandbox.script import Fault
from grantway_sandbox.token_request import ANSWER_HEADERS


def correlation_id() -> str:
    """Return the id that the request came with, as a header or in its query, or a new one."""
    for given in (request.headers.get("client-request-id"), request.args.get("client-request-id")):
        if given and is_guid(given.strip("{} ")):
            return given.strip("{} ")
    return str(uuid.uuid4())


def refusal(authority: Authority, error: OAuth2Error, version: int) -> Response:
    """Write a refusal as the token endpoint of `version` does."""
    status, body = EntraError.of(error).answer(
        base_url=authority.base_url,
        version=version,
        correlation_id=correlation_id(),
        clock=authority.clock,
    )
    response = Response(json.dumps(body), status=status, headers=ANSWER_HEADERS)
    response.headers["x-ms-request-id"] = str(body["trace_id"])
    return response


def answered(body: dict[str, object], status: int = 200) -> Response:
    """Write an answer that holds secrets."""
    return Response(json.dumps(body), status=status, headers=ANSWER_HEADERS)


def as_it_stands(fault: Fault) -> Response:
    """Send a scripted answer."""
    response = Response(fault.body, status=fault.status, headers=fault.headers)
    if fault.content_type is None:
        response.headers.pop("Content-Type", None)
    elif "Content-Type" not in fault.headers:
        response.headers["Content-Type"] = fault.content_type
    return response


def refuse_repeats(pairs: list[tuple[str, list[str]]]) -> None:
    """Refuse a request in which a parameter comes more than once (RFC 6749 section 3.1)."""
    for name, values in pairs:
        if len(values) > 1:
            raise EntraError(
                9000411,
                f"The request is not properly formatted. The parameter '{name}' is duplicated.",
            )
