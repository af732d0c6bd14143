"""What plugins offer beside providers and environments: vaults, token caches, discoveries.

Records of functions, as a provider is: an author writes functions and fills in a form.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from grantway.named import Named
from grantway.protocol import Protocol

if TYPE_CHECKING:
    from grantway.context import Context
    from grantway.environment import Environment
    from grantway.secret import Secret
    from grantway.token_cache import TokenCache


@attrs.frozen(eq=False)
class Vault:
    """A place that secrets come from or go to.

    Attributes:
        scheme: the word before the colon of a reference, such as `env`.
        get: `get(name, context)` returns the secret of that name: all that follows the first colon
            of a reference. Raises `VaultError`.
        put: `put(name, secret, context)` keeps a secret under that name, or fails with
            `VaultError`. None: read only.
        check: `check(name)` raises `VaultError` where `put` could not work; called before any
            network, so that no token is fetched which then has no place to rest. None: nothing
            can be said beforehand.
        makes: what it gives is made by each `get`, at some cost. Then a client's assertion is not
            asked of it again while the last one is good.
        summary: one line for lists.
    """

    scheme: str
    get: "Callable[[str, Context], Secret]"
    put: "Callable[[str, Secret, Context], None] | None" = None
    check: Callable[[str], None] | None = attrs.field(default=None, kw_only=True)
    makes: bool = attrs.field(default=False, kw_only=True)
    summary: str = attrs.field(default="", kw_only=True)


@attrs.frozen(eq=False, repr=False)
class TokenCacheFactory(Named):
    """A kind of token cache, by name.

    Attributes:
        name: how it is called, and the scheme of its URLs.
        create: `create(url)` returns the `TokenCache`. It is given the whole of what the caller
            named it by: the name alone, or a URL. It opens nothing yet: a cache that cannot be
            reached says so by `CacheError` when it is used. Raises `ConfigurationError` for a URL
            that cannot be understood.
        summary: one line for lists.
    """

    name: str
    create: "Callable[[str], TokenCache]"
    summary: str = attrs.field(default="", kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Discovery(Named):
    """A way to learn an environment from a URL.

    Attributes:
        name: the word before the URL: `NAME=https://...`.
        discover: `discover(url, context)` asks, by `context.transport`, and returns what it
            learned. The environment of its context is provisional: it has the name, trust and
            further hosts that the caller gave, and names the host of the URL and these alone, so
            nobody else can be asked. What comes back is given that name, trust and hosts. Raises
            `GrantwayError`.
        protocols: those that environments of this kind speak, so that configuration can name
            them where no installed environment does.
        summary: one line for lists.
    """

    name: str
    discover: "Callable[[str, Context], Environment]"
    protocols: tuple[Protocol, ...] = attrs.field(default=(), kw_only=True)
    summary: str = attrs.field(default="", kw_only=True)
