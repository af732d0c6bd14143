"""The pages that people see: plain HTML which needs no script.

Each is a function from what it shows to a finished response. All text is escaped by the templates
in `page_templates`. A page may load nothing, be framed by nobody, and send its forms only here, or
to where the sign-in leads: Chromium holds `form-action` against every redirect that follows a form,
so the client's own address has to be in it.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

from attrs import frozen
from flask import Response
from jinja2 import DictLoader, Environment, StrictUndefined

from grantway_sandbox.page_templates import SEND, STYLE, TEMPLATES

_templates: Final = Environment(
    loader=DictLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


_STYLE_SOURCE: Final = _hash(STYLE)
_SEND_SOURCE: Final = _hash(SEND)


@frozen
class Form:
    """What every form of a page needs: where it goes, whose it is, and where it may lead."""

    action: str
    token: str
    leads_to: str = ""


def sign_in(form: Form, application: str, user_name: str, error: str = "") -> Response:
    """Ask for user name and password."""
    return _page(
        "sign-in",
        form,
        title="Sign in",
        application=application,
        user_name=user_name,
        error=error,
    )


def accounts(form: Form, application: str, known: Sequence[tuple[str, str, str]]) -> Response:
    """Ask which of the people signed in it is; each is an id, a display name and a user name."""
    return _page("accounts", form, title="Pick an account", application=application, known=known)


def one_time_code(form: Form, user_name: str, hint: str = "", error: str = "") -> Response:
    """Ask for the second factor."""
    return _page(
        "one-time-code",
        form,
        title="Enter your code",
        user_name=user_name,
        hint=hint,
        error=error,
    )


def consent(
    form: Form,
    *,
    application: str,
    user_name: str,
    tenant: str,
    wanted: Sequence[tuple[str, str]],
    device: bool,
) -> Response:
    """Ask whether the application may; `wanted` are permissions, each with its explanation."""
    title = "Sign in on your device?" if device else "Permissions requested"
    return _page(
        "consent",
        form,
        title=title,
        application=application,
        user_name=user_name,
        tenant=tenant,
        wanted=wanted,
        device=device,
    )


def user_code(form: Form, given: str = "", error: str = "") -> Response:
    """Ask for the code that a device shows."""
    return _page("user-code", form, title="Enter the code", given=given, error=error)


def message(
    title: str, text: str, status: int = 200, details: Sequence[tuple[str, str]] = ()
) -> Response:
    """Tell how it ended."""
    return _page("message", Form("", ""), status=status, title=title, text=text, details=details)


def home(
    url: str, metadata: str, devices: str, tenants: Sequence[tuple[str, str, str]]
) -> Response:
    """Say what is here; each tenant is a name, a domain and an id."""
    return _page(
        "home",
        Form("", ""),
        title="Sandbox",
        url=url,
        metadata=metadata,
        devices=devices,
        tenants=tenants,
    )


def form_post(redirect_uri: str, parameters: Sequence[tuple[str, str]], leads_to: str) -> Response:
    """Send an answer on by a form (OAuth 2.0 Form Post Response Mode)."""
    form = Form(redirect_uri, "", leads_to)
    return _page("form-post", form, script=_SEND_SOURCE, title="Going back", parameters=parameters)


def _page(
    name: str, form: Form, *, status: int = 200, script: str = "", **facts: object
) -> Response:
    html = _templates.get_template(name).render(form=form, **facts)
    response = Response(html, status=status, content_type="text/html; charset=utf-8")
    policy = [
        "default-src 'none'",
        f"style-src {_STYLE_SOURCE}",
        f"form-action 'self' {form.leads_to}".rstrip(),
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    if script:
        policy.append(f"script-src {script}")
    response.headers.update(
        {
            "Content-Security-Policy": "; ".join(policy),
            "Cache-Control": "no-store",
            "Pragma": "no-cache",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
    )
    return response
