"""The JSON schema of the configuration file: `grantway config schema`."""

from grantway.environment import NAME
from grantway.environment_keys import Schema
from grantway.environment_keys import schema as environment_schema


def schema() -> Schema:
    """The JSON schema of the configuration file, for editors and for who writes it by program.

    What a profile may hold is up to the installed plugins: `grantway config check` knows.
    """
    text: Schema = {"type": "string"}
    texts: Schema = {"anyOf": [text, {"type": "array", "items": text}]}
    environment = environment_schema()
    return {
        "$schema": environment.pop("$schema"),
        "title": "The configuration of grantway",
        "type": "object",
        "properties": {
            "default_profile": {"description": "The profile of calls that name none.", **text},
            "cache": {"description": "The token cache, by name or URL.", **text},
            "profiles": {
                "description": "Parameters by name, as on the command line.",
                "type": "object",
                "additionalProperties": {"type": "object"},
            },
            "environments": {
                "description": "Clouds and authorities of one's own, by name.",
                "type": "object",
                "propertyNames": {"pattern": f"^{NAME}$"},
                "additionalProperties": {"$ref": "#/$defs/environment"},
            },
            "plugins": {
                "description": "Which plugins may be loaded.",
                "type": "object",
                "properties": {
                    "enable": {"description": "Only these, beside the built-in ones.", **texts},
                    "disable": {"description": "Not these.", **texts},
                },
                "additionalProperties": False,
            },
        },
        "additionalProperties": False,
        "$defs": {"environment": environment},
    }
