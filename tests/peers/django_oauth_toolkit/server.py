"""django-oauth-toolkit as an authorization server, for as long as standard input is open.

Started by `peers.django_oauth_toolkit`. It announces itself by one line of JSON on standard output:
its issuer and its clients. `--cert` and `--key` make it speak TLS.

It is the toolkit as it comes, with its own pages, below `/o`; only the page for signing in is ours,
and whoever names themselves there is signed in.
"""

import argparse
import json
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from werkzeug.serving import make_server

SECRET = "a secret with spaces, + and % in it"
SIGN_IN = '<form method="post"><input name="login"><input name="password"></form>'


def _rsa_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode("ascii")


def _configure(folder: str) -> None:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(Path(folder, "db"))}
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "oauth2_provider",
        ],
        LOGGING={
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"stderr": {"class": "logging.StreamHandler"}},
            "loggers": {"django.request": {"handlers": ["stderr"]}},
        },
        LOGIN_URL="/sign-in/",
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        OAUTH2_PROVIDER={
            "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
            "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
            "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": _rsa_key(),
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
            "SCOPES": {"openid": "Know who you are", "read": "Read", "write": "Write"},
            "DEFAULT_SCOPES": ["read"],
        },
        # Made anew for each run, and looked at for each token: a slow hash would only take time.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF="__main__",
        SECRET_KEY="for one run",
        STATIC_URL="/static/",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        USE_TZ=True,
    )
    django.setup()


_parser = argparse.ArgumentParser(description=__doc__)
_parser.add_argument("--cert", type=Path)
_parser.add_argument("--key", type=Path)
_options = _parser.parse_args()
_folder = tempfile.TemporaryDirectory(prefix="django-")
_configure(_folder.name)

# Django is there only now.
from django.contrib.auth import get_user_model, login  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect  # noqa: E402
from django.urls import include, path  # noqa: E402
from oauth2_provider.models import Application  # noqa: E402
from oauth2_provider.urls import metadata_urlpatterns  # noqa: E402


def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in whoever says a name."""
    if request.method != "POST":
        return HttpResponse(SIGN_IN)
    user, _ = get_user_model().objects.get_or_create(username=request.POST["login"])
    login(request, user)
    return HttpResponseRedirect(request.GET["next"])


urlpatterns = [
    path("sign-in/", sign_in),
    path("o/", include("oauth2_provider.urls")),
    # RFC 8414 has them at the root.
    path("", include((metadata_urlpatterns, "metadata"))),
]


def _register() -> dict[str, dict[str, str]]:
    """Make the clients; the toolkit lets each have one grant, and refresh tokens with it."""
    redirects = "http://127.0.0.1/ http://127.0.0.1/callback"
    grants: dict[str, dict[str, Any]] = {
        "service": {"authorization_grant_type": "client-credentials"},
        "web": {"authorization_grant_type": "authorization-code", "redirect_uris": redirects},
        "public": {"authorization_grant_type": "authorization-code", "redirect_uris": redirects},
    }
    announced: dict[str, dict[str, str]] = {}
    for name, more in grants.items():
        is_public = name == "public"
        made = Application.objects.create(
            name=name,
            client_id=f"{name} client",
            client_secret="" if is_public else SECRET,
            client_type="public" if is_public else "confidential",
            algorithm="RS256",
            **more,
        )
        announced[name] = {"client_id": made.client_id}
        if not is_public:
            announced[name]["client_secret"] = SECRET
    return announced


def main() -> None:
    """Serve until standard input ends."""
    call_command("migrate", verbosity=0)
    secure = _options.cert is not None
    server = make_server(
        "127.0.0.1",
        0,
        get_wsgi_application(),
        threaded=True,
        ssl_context=(str(_options.cert), str(_options.key)) if secure else None,
    )
    base = f"{'https' if secure else 'http'}://127.0.0.1:{server.port}"
    facts = {"issuer": f"{base}/o", "clients": _register()}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    server.shutdown()


if __name__ == "__main__":
    with _folder:
        main()
