"""The routes that people go through: the authorization endpoint and the pages behind it.

The endpoint itself shows no page but an error's: it starts an interaction and sends the browser to
`/sign-in/{interaction}`, whose forms each move it one step on. A form counts only from the browser
that it was made for.
"""

from typing import cast
from urllib.parse import urlsplit

from attrs import evolve
from flask import Blueprint, Response, g, request

from grantway_sandbox import pages
from grantway_sandbox.authority import Authority
from grantway_sandbox.authorize import Asker, read_errand
from grantway_sandbox.errand import Errand
from grantway_sandbox.errors import EntraError
from grantway_sandbox.interaction import Interaction
from grantway_sandbox.misbehaviour import Misbehaviour
from grantway_sandbox.model import ONE_TIME_CODE
from grantway_sandbox.pushed_routes import pulled
from grantway_sandbox.responses import as_it_stands, correlation_id, refuse_repeats
from grantway_sandbox.script import Fault
from grantway_sandbox.sessions import Session
from grantway_sandbox.steps import (
    Mistake,
    approve,
    begin,
    move,
    next_step,
    signed_in,
    without_a_page,
)


def sign_in_routes(authority: Authority) -> Blueprint:
    """Return the routes of authorization requests and of the pages."""
    routes = Blueprint("sign-in", __name__)

    @routes.get("/<tenant>/oauth2/v2.0/authorize")
    def authorize_v2(tenant: str) -> Response:
        return _authorize(authority, tenant, 2)

    @routes.get("/<tenant>/oauth2/authorize")
    def authorize_v1(tenant: str) -> Response:
        return _authorize(authority, tenant, 1)

    @routes.get("/sign-in/<interaction_id>")
    def show(interaction_id: str) -> Response:
        session = session_of(authority)
        found = session and _found(authority, interaction_id, session.browser)
        if not session or not found:
            return _gone()
        return go_on(authority, session, found)

    @routes.post("/sign-in/<interaction_id>")
    def take(interaction_id: str) -> Response:
        session = session_of(authority)
        found = session and _found(authority, interaction_id, session.browser)
        if not session or not found or not session.owns(request.form.get("form_token", "")):
            return _gone()
        return _take(authority, session, found)

    return routes


def _authorize(authority: Authority, name: str, version: int) -> Response:
    about = correlation_id()
    try:
        refuse_repeats(list(request.args.lists()))
        given = request.args.to_dict()
        fields = pulled(authority, name, version, given)
        asker = Asker.read(authority, name, version, fields, about)
    except EntraError as error:
        return refusal_page(authority, error, about)
    fault = authority.script.take(g.recorded, "authorize")
    if isinstance(fault, Fault):
        return as_it_stands(fault)
    if isinstance(fault, Misbehaviour):
        asker = evolve(asker, reply=evolve(asker.reply, misbehaviour=fault))
    try:
        if isinstance(fault, EntraError):
            raise fault
        if authority.pushed_authorization == "required" and fields is given:
            raise EntraError(90023, "The request has to be pushed first: RFC 9126.")
        return start(authority, read_errand(authority, asker, fields))
    except EntraError as error:
        return asker.refuse(authority, error)


def start(authority: Authority, errand: Errand) -> Response:
    """Answer an errand at once where nobody need be asked, else send the browser to its page.

    Raises:
        EntraError: nobody may be asked, and somebody would have to be.
    """
    if authority.auto_approve:
        return errand.granted(authority, approve(authority, errand))
    session = session_of(authority)
    known = session or authority.sessions.open()
    interaction = begin(errand, known)
    if "none" in errand.prompts:
        return errand.granted(authority, without_a_page(authority, interaction))
    if interaction.sign_in is not None and next_step(authority, interaction) == "end":
        return errand.granted(authority, interaction.sign_in)
    authority.interactions.keep(interaction)
    return with_cookie(authority, _see(interaction), known)


def go_on(
    authority: Authority, session: Session, interaction: Interaction, error: str = ""
) -> Response:
    """Show the page of the next step, or end; `error` is what was wrong with the last."""
    errand, sign_in = interaction.errand, interaction.sign_in
    form = pages.Form(f"/sign-in/{interaction.interaction_id}", session.form_token, errand.leads_to)
    step = next_step(authority, interaction)
    name = errand.application.name
    if step == "account":
        return pages.accounts(
            form,
            name,
            [
                (known.user.object_id, known.user.display_name, known.user.user_name)
                for known in session.sign_ins
            ],
        )
    if step == "password" or sign_in is None:
        given = request.form.get("user_name") or errand.login_hint or ""
        return pages.sign_in(form, name, given, error)
    if step == "code":
        well_known = sign_in.user.one_time_code == ONE_TIME_CODE
        hint = ONE_TIME_CODE if well_known else ""
        return pages.one_time_code(form, sign_in.user.user_name, hint, error)
    if step == "consent":
        return pages.consent(
            form,
            application=name,
            user_name=sign_in.user.user_name,
            tenant=errand.place(authority, sign_in.user).name,
            wanted=errand.wanted(),
            device=errand.device,
        )
    if not authority.interactions.end(interaction):
        return _gone()
    return errand.granted(authority, sign_in)


def _take(authority: Authority, session: Session, interaction: Interaction) -> Response:
    """Take what a page's form says."""
    if request.form.get("do") == "cancel":
        if not authority.interactions.end(interaction):
            return _gone()
        return interaction.errand.refused(authority, EntraError(65004))
    try:
        moved = move(authority, session, interaction, request.form)
    except Mistake as mistake:
        return go_on(authority, session, interaction, str(mistake))
    authority.interactions.keep(moved)
    finished = signed_in(moved)
    if finished is not None and finished not in session.sign_ins:
        session = authority.sessions.sign_in(session, finished)
    return with_cookie(authority, _see(moved), session)


def _see(interaction: Interaction) -> Response:
    response = Response("", status=303, content_type="text/plain; charset=utf-8")
    response.headers["Location"] = f"/sign-in/{interaction.interaction_id}"
    response.headers["Cache-Control"] = "no-store"
    return response


def _gone() -> Response:
    return pages.message(
        "This page is out of date",
        "Sign-in was finished or began in another browser. Go back to the application and start "
        "again.",
        status=400,
    )


def refusal_page(authority: Authority, error: EntraError, correlation_id: str) -> Response:
    """Show an error that must not be sent anywhere."""
    _, body = error.answer(
        base_url=authority.base_url,
        version=2,
        correlation_id=correlation_id,
        clock=authority.clock,
    )
    return pages.message(
        "Nobody can be signed in this way",
        str(error),
        status=400,
        details=[
            ("Request id", str(body["trace_id"])),
            ("Correlation id", correlation_id),
            ("Timestamp", str(body["timestamp"])),
        ],
    )


# The browser's cookie


def _cookie_name(authority: Authority) -> str:
    # Cookies know no ports: two sandboxes on one address must not take each other's.
    return f"sandbox-session-{urlsplit(authority.base_url).port}"


def session_of(authority: Authority) -> Session | None:
    """Return the session of the browser that asks, or None."""
    return authority.sessions.find(request.cookies.get(_cookie_name(authority)))


def with_cookie(authority: Authority, response: Response, session: Session) -> Response:
    """Let the browser be known again; the cookie ends with the browser."""
    response.set_cookie(
        _cookie_name(authority),
        session.cookie,
        httponly=True,
        samesite="Lax",
        secure=authority.base_url.startswith("https:"),
    )
    return response


def _found(authority: Authority, interaction_id: str, browser: str) -> Interaction | None:
    # Nothing else is kept there.
    return cast("Interaction | None", authority.interactions.find(interaction_id, browser))
