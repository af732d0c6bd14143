"""A person signs in: in the browser of this machine, or with a code on any other device.

The browser is tried first. Where none can be opened, a device code is the way, and that is said;
`device_code` True asks for it at once, False forbids it. Whichever it is, the address is shown
too, for when the wrong browser opens. Without a way to reach a person nothing is sent.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from grantway import (
    Secret,
)
from grantway.environment import is_loopback
from grantway.errors import ConfigurationError, DeadlineExceeded, InteractionRequired
from grantway.parameters import (
    DEVICE_CODE,
    DOMAIN_HINT,
    LOGIN_HINT,
    PROMPT,
    REDIRECT_URI,
    RESPONSE_MODE,
    SAVE_REFRESH_TOKEN,
    TENANT_ID,
)
from grantway.parts import Screen
from grantway.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grantway import (
        AuthenticationResult,
        AuthorityRequest,
        Context,
        Endpoints,
        Prompter,
        TokenRequest,
    )
    from grantway.oauth.loopback import Listener
    from grantway.redirect import RedirectAddress

SIGN_IN = (
    TENANT_ID,
    DEVICE_CODE,
    LOGIN_HINT,
    DOMAIN_HINT,
    PROMPT,
    REDIRECT_URI,
    RESPONSE_MODE,
    SAVE_REFRESH_TOKEN,
)
"""The optional parameters of every set in which a person signs in."""

Inspect = Callable[[Mapping[str, object]], None]


def plan(request: "TokenRequest", prompt: str = "") -> "Iterable[AuthorityRequest]":
    """What is sent, as far as it is known without asking the authority or a person."""
    from grantway.authority import planned_endpoints

    endpoints = planned_endpoints(request.environment, request.tenant)
    if request.get(DEVICE_CODE):
        from grantway.oauth import device_code

        _check_device_code(request, endpoints)
        yield device_code.device_authorization(request, endpoints)
        yield device_code.redemption(request, endpoints, Secret(MASK))
        return
    from grantway.oauth import authorization

    attempt, address = authorization.Attempt.planned(), _address(request)
    redirect_uri = address.at(address.port) if address.port else address.at_any_port
    sent = authorization.authorization(request, endpoints, attempt, redirect_uri, prompt=prompt)
    if endpoints.pushed_authorization:
        yield authorization.lodging(sent, request, endpoints)
        sent = authorization.by_name(sent, request, MASK)
    yield sent
    yield authorization.redemption(request, endpoints, attempt, redirect_uri, Secret(MASK))


def sign_in(
    request: "TokenRequest", context: "Context", *, prompt: str = "", inspect: Inspect | None = None
) -> "AuthenticationResult":
    """Have a person sign in, and return what that brings.

    Args:
        request: what the caller wants.
        context: of this request.
        prompt: what the authority is told to ask for, where the caller does not say.
        inspect: see `grantway.oauth.exchange.result_of`.

    Raises:
        InteractionRequired: nobody can be reached.
        ConfigurationError: no browser can be opened, and a device code is no way.
        AccessDenied: the person, or the authority, declined.
        GrantwayError: anything else that can go wrong on the way.
    """
    prompter = context.prompter
    if prompter is None:
        raise InteractionRequired(
            f"A person has to sign in at {request.environment.name}, and nobody can be asked here.",
            remedy="Run it at a terminal; or give device_code= where somebody reads the log (from "
            "Python, with a StreamPrompter); or sign in ahead and give refresh_token= then; or use "
            "an application of its own, with credential= and tenant_id=.",
        )
    if request.get(DEVICE_CODE):
        return _with_device_code(request, context, prompter, inspect)
    result = _in_browser(request, context, prompter, prompt, inspect)
    if result is not None:
        return result
    return _with_device_code(request, context, prompter, inspect)


def _in_browser(
    request: "TokenRequest",
    context: "Context",
    prompter: "Prompter",
    prompt: str,
    inspect: Inspect | None,
) -> "AuthenticationResult | None":
    """The authorization code grant; None where a device code is the way instead."""
    from grantway.oauth import authorization
    from grantway.oauth.device_code import in_words
    from grantway.oauth.exchange import exchange
    from grantway.oauth.loopback import Listener
    from grantway.oauth.metadata import endpoints

    found = endpoints(request, context, "authorization")
    if not found.authorization:
        if request.get(DEVICE_CODE) is False:
            raise ConfigurationError(
                f"{request.environment.name} has no sign-in page for a browser.",
                remedy="Leave device_code out, so that a code for another device may be used.",
            )
        return None
    attempt = authorization.Attempt.new(context)
    form_post = request.get(RESPONSE_MODE) == "form_post"
    with Listener(_address(request), attempt.is_answered_by, form_post=form_post) as listener:
        redirect_uri = listener.redirect_uri
        sent = authorization.authorization(request, found, attempt, redirect_uri, prompt=prompt)
        lodged = authorization.lodged(sent, request, found, context)
        url = authorization.address(lodged.request)
        within = f" within {in_words(lodged.expires_in)}" if lodged.expires_in else ""
        if prompter.open(url):
            prompter.show(
                f"A browser was opened to sign in at {request.environment.name}. If none appears, "
                f"or the wrong one, open this address in a browser on this machine{within}:"
                f"\n\n{url}\n"
            )
        elif request.get(DEVICE_CODE) is None and _has_device_code(request, found, context):
            prompter.show("No browser can be opened here, so you sign in with a code instead.")
            return None
        else:
            prompter.show(
                f"To sign in at {request.environment.name}, open this address in a browser on "
                f"this machine{within}:\n\n{url}\n"
            )
        code = authorization.code_of(_answer(listener, context), sent, found, context)
        redeemed = authorization.redemption(request, found, attempt, redirect_uri, code)
        result = exchange(redeemed, request, context, nonce=attempt.nonce, inspect=inspect)
        listener.succeed()
        return result


def _answer(listener: "Listener", context: "Context") -> Mapping[str, str]:
    """What the browser brings back.

    Raises:
        DeadlineExceeded: nothing of this sign-in, in the time there was.
    """
    try:
        return listener.wait(context)
    except DeadlineExceeded as error:
        came = (
            " An answer came that was not of this sign-in, and was refused."
            if (listener.has_refused)
            else ""
        )
        raise DeadlineExceeded(
            f"Nobody has signed in within {context.timeout:g} seconds.{came}",
            remedy="If the browser shows an error, that has to be mended: a redirect URI that is "
            "not registered, for one. Else start again, or give more time with timeout=.",
            timeout=error.timeout,
        ) from None


def _has_device_code(request: "TokenRequest", found: "Endpoints", context: "Context") -> bool:
    from grantway.oauth.metadata import endpoints

    known = (
        found.device_authorization
        or endpoints(request, context, "device_authorization").device_authorization
    )
    return bool(known)


def _check_device_code(request: "TokenRequest", found: "Endpoints") -> None:
    if not found.device_authorization:
        raise ConfigurationError(
            f"{request.environment.name} has no device code grant.",
            remedy="Sign in where a browser can be opened.",
        )


def _with_device_code(
    request: "TokenRequest", context: "Context", prompter: "Prompter", inspect: Inspect | None
) -> "AuthenticationResult":
    """The device authorization grant."""
    from grantway.oauth import device_code
    from grantway.oauth.exchange import result_of
    from grantway.oauth.metadata import endpoints
    from grantway.oauth.propagation import fetch_token

    found = endpoints(request, context, "device_authorization")
    _check_device_code(request, found)
    if request.get(PROMPT):
        context.logger.warning(
            "prompt has no effect on the page of a device code: the request for a code has no "
            "place for it (RFC 8628, section 3.1)"
        )
    device = device_code.begin(device_code.device_authorization(request, found), context)
    context = context.with_time(device.expires_in + device_code.AFTERWARDS)
    left = min(device.expires_in, context.remaining())
    screen = prompter if isinstance(prompter, Screen) else None
    is_here = is_loopback(device.verification_uri)
    # No phone can open a page of this machine's.
    if screen is not None and not is_here:
        # First, so that what has to be read is not pushed off the screen.
        screen.show_qr(device.verification_uri_complete or device.verification_uri)
    where = "on this machine" if is_here else "on any device"
    prompter.show(
        f"To sign in at {request.environment.name}, open this page {where}:\n\n"
        f"    {device.verification_uri}\n\n"
        f"and enter this code within {device_code.in_words(left)}:\n\n"
        f"    {device.user_code}\n"
    )

    def progress(text: str) -> None:
        # Told on the side: what goes wrong with it costs nobody a token.
        if screen is not None:
            with suppress(Exception):
                screen.progress(text)

    def tick(left: float) -> None:
        minutes, seconds = divmod(max(0, int(left)), 60)
        progress(f"Waiting for you to sign in ({minutes}:{seconds:02} left)")

    def fetch(sent: "AuthorityRequest", context: "Context") -> Mapping[str, object]:
        return fetch_token(sent, request, context)

    redeemed = device_code.redemption(request, found, device.device_code)
    try:
        answer = device_code.poll(redeemed, device, context, tick, fetch)
    finally:
        progress("")
    return result_of(answer, redeemed, request, context, inspect=inspect)


def _address(request: "TokenRequest") -> "RedirectAddress":
    from grantway.redirect import RedirectAddress

    given = request.get(REDIRECT_URI)
    return RedirectAddress.parse(given) if given else RedirectAddress()
