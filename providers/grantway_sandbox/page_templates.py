"""The HTML of the sandbox's pages, and the one style and the one script there are.

Every page extends `layout`. Fields carry the names that password managers know, errors are tied to
their field, and the first thing to do has the focus.
"""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --back: #eef1f6; --card: #fff; --ink: #1b1f27; --soft: #566073;
  --line: #7d8798; --main: #0b57c4; --on-main: #fff; --bad: #b3160c; --note: #e6eefb; }
@media (prefers-color-scheme: dark) { :root { --back: #14171d; --card: #1f242d; --ink: #eef1f6;
  --soft: #b3bccb; --line: #8a94a6; --main: #8ab6ff; --on-main: #0b1830; --bad: #ff9c92;
  --note: #26334a; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; align-items: center;
  padding: 3rem 1rem; background: var(--back); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }
header, main, footer { width: 100%; max-width: 27rem; }
header { margin: 0 0 .75rem; font-weight: 600; color: var(--soft); }
main { padding: 2rem; background: var(--card); border-radius: .5rem;
  box-shadow: 0 1px 3px rgb(0 0 0 / .2); }
footer { margin-top: 1rem; font-size: .875rem; color: var(--soft); }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input { width: 100%; padding: .6rem .7rem; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: .25rem; }
input[aria-invalid] { border: 2px solid var(--bad); }
.code { letter-spacing: .15em; font-family: ui-monospace, "Liberation Mono", monospace; }
.error { margin: .5rem 0 0; color: var(--bad); font-weight: 600; }
.note { padding: .5rem .75rem; background: var(--note); border-radius: .25rem; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.5rem; }
button { padding: .6rem 1.25rem; font: inherit; font-weight: 600; cursor: pointer;
  border: 1px solid var(--main); border-radius: .25rem; background: transparent;
  color: var(--main); }
button.main { background: var(--main); color: var(--on-main); }
button.account { display: block; width: 100%; margin: 0 0 .75rem; text-align: left; }
button.account span { display: block; font-weight: 400; color: var(--soft); }
a { color: var(--main); }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
ul { margin: 0 0 1rem; padding: 0; list-style: none; }
li { padding: .6rem 0; border-top: 1px solid var(--note); overflow-wrap: anywhere; }
li span { display: block; font-size: .875rem; color: var(--soft); }
dl { margin: 0; font-size: .875rem; }
dt { margin-top: .5rem; color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
main > :last-child { margin-bottom: 0; }
"""

SEND: Final = "document.forms[0].submit()"

_LAYOUT: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} - Sandbox</title>
<style>{{ style }}</style>
</head>
<body>
<header>Sandbox</header>
<main>
<h1>{{ title }}</h1>
{% block content required %}{% endblock %}
</main>
<footer>A local authority for trying things out. Nothing here is real.</footer>
</body>
</html>
"""

_SIGN_IN: Final = """{% extends "layout" %}{% import "parts" as parts %}
{% block content %}
<p>to go on to <strong>{{ application }}</strong></p>
{% call parts.form(form) %}
<label for="user_name">User name</label>
<input id="user_name" name="user_name" type="text" autocomplete="username" autocapitalize="none"
 spellcheck="false" required value="{{ user_name }}" {{ parts.about(error) }}
 {{- " autofocus" if not user_name }}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
 {{ parts.about(error) }}{{ " autofocus" if user_name }}>
{{ parts.error(error) }}
<div class="actions">
<button class="main" name="do" value="sign-in">Sign in</button>
<button name="do" value="cancel" formnovalidate>Cancel</button>
</div>
{% endcall %}
{% endblock %}
"""

_ACCOUNTS: Final = """{% extends "layout" %}{% import "parts" as parts %}
{% block content %}
<p>to go on to <strong>{{ application }}</strong></p>
{% call parts.form(form) %}
{% for id, name, user_name in known %}
<button class="account" name="account" value="{{ id }}"{{ " autofocus" if loop.first }}>
{{- name }}<span>{{ user_name }}</span></button>
{% endfor %}
<button class="account" name="do" value="another">Use another account</button>
<div class="actions"><button name="do" value="cancel">Cancel</button></div>
{% endcall %}
{% endblock %}
"""

_ONE_TIME_CODE: Final = """{% extends "layout" %}{% import "parts" as parts %}
{% block content %}
<p>The second factor of <strong>{{ user_name }}</strong>.</p>
{% if hint %}
<p class="note" id="hint">In the sandbox the code is always <strong>{{ hint }}</strong>.</p>
{% endif %}
{% call parts.form(form) %}
<label for="one_time_code">One-time code</label>
<input class="code" id="one_time_code" name="one_time_code" type="text" inputmode="numeric"
 autocomplete="one-time-code" required autofocus
 {{- ' aria-describedby="hint"' | safe if hint and not error }} {{ parts.about(error) }}>
{{ parts.error(error) }}
<div class="actions">
<button class="main" name="do" value="verify">Verify</button>
<button name="do" value="cancel" formnovalidate>Cancel</button>
</div>
{% endcall %}
{% endblock %}
"""

_CONSENT: Final = """{% extends "layout" %}{% import "parts" as parts %}
{% block content %}
<p>{{ user_name }}</p>
{% if device %}
<p class="note"><strong>{{ application }}</strong> on another device is waiting to be signed in as
you. Go on only if you started that yourself, and nobody sent you the code.</p>
{% endif %}
<p><strong>{{ application }}</strong> asks, in {{ tenant }}, to:</p>
<ul>
{% for name, text in wanted %}
<li>{{ text }}<span>{{ name }}</span></li>
{% endfor %}
</ul>
{% call parts.form(form) %}
<div class="actions">
<button class="main" name="do" value="accept">Accept</button>
<button name="do" value="cancel">Cancel</button>
</div>
{% endcall %}
{% endblock %}
"""

_USER_CODE: Final = """{% extends "layout" %}{% import "parts" as parts %}
{% block content %}
<p>The one that your app or device shows.</p>
{% call parts.form(form) %}
<label for="user_code">Code</label>
<input class="code" id="user_code" name="user_code" type="text" autocomplete="off"
 autocapitalize="characters" spellcheck="false" required autofocus value="{{ given }}"
 {{ parts.about(error) }}>
{{ parts.error(error) }}
<div class="actions"><button class="main" name="do" value="next">Next</button></div>
{% endcall %}
{% endblock %}
"""

_MESSAGE: Final = """{% extends "layout" %}
{% block content %}
<p>{{ text }}</p>
{% if details %}
<dl>
{% for name, value in details %}
<dt>{{ name }}</dt><dd>{{ value }}</dd>
{% endfor %}
</dl>
{% endif %}
{% endblock %}
"""

_HOME: Final = """{% extends "layout" %}
{% block content %}
<p>The authority is running at <strong>{{ url }}</strong>.</p>
<dl>
<dt>Metadata</dt>
<dd><a href="{{ metadata }}">{{ metadata }}</a></dd>
<dt>A device's code is entered at</dt>
<dd><a href="{{ devices }}">{{ devices }}</a></dd>
{% for name, domain, id in tenants %}
<dt>Tenant {{ name }}</dt>
<dd>{{ domain }}<br>{{ id }}</dd>
{% endfor %}
</dl>
{% endblock %}
"""

_FORM_POST: Final = """{% extends "layout" %}
{% block content %}
<p>You are being taken back to the application. If nothing happens, use the button.</p>
<form method="post" action="{{ form.action }}">
{% for name, value in parameters %}
<input type="hidden" name="{{ name }}" value="{{ value }}">
{% endfor %}
<div class="actions"><button class="main" autofocus>Continue</button></div>
</form>
<script>{{ send }}</script>
{% endblock %}
"""

_PARTS: Final = """
{% macro form(form) %}
<form method="post" action="{{ form.action }}">
<input type="hidden" name="form_token" value="{{ form.token }}">
{{ caller() }}
</form>
{% endmacro %}
{% macro about(error) %}
{% if error %}aria-invalid="true" aria-describedby="error"{% endif %}
{% endmacro %}
{% macro error(text) %}
{% if text %}<p class="error" id="error" role="alert">{{ text }}</p>{% endif %}
{% endmacro %}
"""

TEMPLATES: Final = {
    # What is the same on every page is put in here, so that pages need not pass it.
    "layout": _LAYOUT.replace("{{ style }}", STYLE),
    "parts": _PARTS,
    "sign-in": _SIGN_IN,
    "accounts": _ACCOUNTS,
    "one-time-code": _ONE_TIME_CODE,
    "consent": _CONSENT,
    "user-code": _USER_CODE,
    "message": _MESSAGE,
    "home": _HOME,
    "form-post": _FORM_POST.replace("{{ send }}", SEND),
}
