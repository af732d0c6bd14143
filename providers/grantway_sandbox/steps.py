"""From an errand to its end, step by step: account, password, second factor, consent.

Which step is next follows from what is known, so that reloading a page or going back does no harm.
"""

import hmac
import secrets
from collections.abc import Mapping
from typing import Literal, TypeAlias

from attrs import evolve

from grantway_sandbox.authority import Authority
from grantway_sandbox.errand import Errand
from grantway_sandbox.errors import EntraError
from grantway_sandbox.interaction import Interaction
from grantway_sandbox.model import User
from grantway_sandbox.sessions import Session, SignIn

Step: TypeAlias = Literal["account", "password", "code", "consent", "end"]


def begin(errand: Errand, session: Session) -> Interaction:
    """Start on an errand, as far as the browser's session goes."""
    interaction = Interaction(secrets.token_urlsafe(24), session.browser, errand)
    known = session.matching(errand.login_hint)
    if "login" in errand.prompts:
        return interaction
    if "select_account" in errand.prompts:
        return evolve(interaction, choosing=bool(session.sign_ins))
    if len(known) == 1:
        return evolve(interaction, sign_in=known[0])
    return evolve(interaction, choosing=len(known) > 1)


def next_step(authority: Authority, interaction: Interaction) -> Step:
    """Return what is still missing, the first thing first."""
    sign_in, errand = interaction.sign_in, interaction.errand
    if interaction.choosing:
        return "account"
    if sign_in is None:
        return "password"
    if needs_code(errand, sign_in):
        return "code"
    if interaction.agreed:
        return "end"
    tenant = errand.place(authority, sign_in.user)
    consented = authority.has_consent(errand.application.application_id, tenant.tenant_id)
    ask = "consent" in errand.prompts or errand.device or not consented
    return "consent" if ask else "end"


def needs_code(errand: Errand, sign_in: SignIn) -> bool:
    """Say whether the second factor is due and has not been shown."""
    due = errand.strong or "mfa" in sign_in.user.amr
    return due and "mfa" not in sign_in.amr


def signed_in(interaction: Interaction) -> SignIn | None:
    """Return the sign-in once all of it is there, or None."""
    sign_in = interaction.sign_in
    return sign_in if sign_in and not needs_code(interaction.errand, sign_in) else None


def without_a_page(authority: Authority, interaction: Interaction) -> SignIn:
    """Return the sign-in of a `prompt=none` request.

    Raises:
        EntraError: a page would be needed; the error says which (OpenID Connect Core 3.1.2.6).
    """
    step = next_step(authority, interaction)
    if interaction.sign_in is None or step in ("account", "password"):
        raise EntraError(16000 if step == "account" else 50058)
    if step == "code":
        raise EntraError(50076)
    if step == "consent":
        raise EntraError(65001)
    return interaction.sign_in


class Mistake(Exception):
    """What a person entered is not right; the message is for them."""


def move(
    authority: Authority, session: Session, interaction: Interaction, form: Mapping[str, str]
) -> Interaction:
    """Return the interaction with what the form of its present page adds.

    A form of another page (somebody went back) adds nothing.

    Raises:
        Mistake: a name, a password or a code is wrong.
    """
    step, sign_in = next_step(authority, interaction), interaction.sign_in
    do = form.get("do")
    if step == "account":
        return _choose(session, interaction, form)
    if step == "password" and do == "sign-in":
        return evolve(interaction, sign_in=_by_password(authority, form))
    if step == "code" and do == "verify" and sign_in is not None:
        return evolve(interaction, sign_in=_by_code(sign_in, form))
    if step == "consent" and do == "accept" and sign_in is not None:
        agree(authority, interaction.errand, sign_in.user)
        return evolve(interaction, agreed=True)
    return interaction


def _choose(session: Session, interaction: Interaction, form: Mapping[str, str]) -> Interaction:
    if form.get("do") == "another":
        return evolve(interaction, choosing=False)
    for known in session.sign_ins:
        if known.user.object_id == form.get("account"):
            return evolve(interaction, choosing=False, sign_in=known)
    return interaction


def _by_password(authority: Authority, form: Mapping[str, str]) -> SignIn:
    user = authority.named(form.get("user_name", ""))
    # The same work whether or not there is such a user.
    expected = user.password if user else secrets.token_urlsafe(12)
    right = hmac.compare_digest(expected.encode(), form.get("password", "").encode())
    if user is None or not right:
        raise Mistake("The user name or the password is not right.")
    return SignIn(user, ("pwd",), authority.clock())


def _by_code(sign_in: SignIn, form: Mapping[str, str]) -> SignIn:
    given = "".join(form.get("one_time_code", "").split())
    if not hmac.compare_digest(sign_in.user.one_time_code.encode(), given.encode()):
        raise Mistake("That is not the code. Try again.")
    return evolve(sign_in, amr=("pwd", "mfa"))


def approve(authority: Authority, errand: Errand) -> SignIn:
    """Return the sign-in of a sandbox that approves by itself, and record its consent.

    Raises:
        EntraError: the hint names nobody who is known.
    """
    hint = errand.login_hint
    user: User | None = authority.named(hint) if hint else authority.standard_user
    if user is None:
        raise EntraError(50034)
    amr = ("pwd", "mfa") if errand.strong else user.amr
    agree(authority, errand, user)
    return SignIn(user, amr, authority.clock())


def agree(authority: Authority, errand: Errand, user: User) -> None:
    """Record that the errand's application may be used where the errand leads."""
    tenant = errand.place(authority, user)
    authority.consent(errand.application.application_id, tenant.tenant_id)
