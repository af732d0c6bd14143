"""The built-in vaults: where a secret is read from, and where a new refresh token is kept.

A reference such as `file:~/token` names a vault by its scheme, and what the vault is asked for by
the rest. Nothing is opened until the chosen provider is about to be called.

    env:NAME               an environment variable; read only
    file:PATH              a file that only its owner may read
    -                      standard input, to its end; read only
    prompt:TEXT            a person, asked for TEXT; read only
    keyring:SERVICE/NAME   the system's keyring, with the extra `keyring`
    command:PROGRAM ARG    what a program writes on its standard output; read only

Each vault is a module of one to three functions, `get`, `put` and `check`, imported when it is
first used: every call loads this plugin, few open a vault, and hardly any opens two. They keep
one rule beside the obvious one that no message holds a secret: a frame that raises holds none
either, save inside a `Secret`, and no error has a cause that does. So a traceback that shows
local variables shows a mask.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from grantway import Secret, Vault, hookimpl

if TYPE_CHECKING:
    from grantway import Context


@hookimpl
def grantway_vaults() -> Iterable[Vault]:
    """Return `env:`, `file:`, `-`, `prompt:`, `keyring:` and `command:`."""
    return [
        Vault("env", _get("environment_variable"), summary="env:NAME, an environment variable"),
        Vault(
            "file",
            _get("private_file"),
            _put("private_file"),
            check=_check("private_file"),
            summary="file:PATH, a file that only its owner may read",
        ),
        Vault("-", _get("standard_input"), summary="-, standard input to its end"),
        Vault("prompt", _get("question"), summary="prompt:TEXT, a person who is asked for TEXT"),
        Vault(
            "keyring",
            _get("system_keyring"),
            _put("system_keyring"),
            check=_check("system_keyring"),
            summary="keyring:SERVICE/NAME, the system's keyring",
        ),
        Vault(
            "command",
            _get("command"),
            makes=True,
            summary="command:PROGRAM ARG ..., what a program writes",
        ),
    ]


def _get(module: str) -> "Callable[[str, Context], Secret]":
    def get(name: str, context: "Context") -> Secret:
        secret: Secret = import_module(f"{__name__}.{module}").get(name, context)
        return secret

    return get


def _put(module: str) -> "Callable[[str, Secret, Context], None]":
    def put(name: str, secret: Secret, context: "Context") -> None:
        import_module(f"{__name__}.{module}").put(name, secret, context)

    return put


def _check(module: str) -> Callable[[str], None]:
    def check(name: str) -> None:
        import_module(f"{__name__}.{module}").check(name)

    return check
