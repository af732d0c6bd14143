"""The commands of the core, by name: no plugin takes one of these."""

COMMANDS = (
    "token", "login", "logout", "accounts", "consent", "explain", "decode", "providers",
    "environments", "plugins", "cache", "config", "doctor", "completion",
)  # fmt: skip
