"""What a token cache promises."""

from grantway.testing.token_cache_process_checks import TokenCacheProcessChecks
from grantway.testing.token_cache_shape_checks import TokenCacheShapeChecks


class TokenCacheContract(TokenCacheShapeChecks, TokenCacheProcessChecks):
    """The contract of one kind of token cache.

    Override the fixture `cache_url`, which says what a user gives to have a cache of this kind, and
    gives each test one of its own; by default the name alone.

    Attributes:
        api_version, plugin, module: see `Contract` and `PluginChecks`. Other processes import the
            plugin by its name, where the cache persists or is shared.
        name: its name, which is the scheme of its URLs.
        persists: what was put is there when the cache is opened again.
        shares_between_processes: what one process puts another one finds.
        coordinates: it is a `Coordinator`.
        inspects: it is an `Inspector`.
        encrypts: nothing of a token is in clear where it rests; override `at_rest`.
        wrong_url: one that cannot be understood; "": there is none.
        unreachable_url: one of a server or a file that cannot be reached; "": there is none.
        patience: seconds of real time after which a forked child is taken to hang.
    """
