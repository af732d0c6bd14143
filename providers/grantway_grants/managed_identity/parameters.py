"""What a call of ManagedIdentity gives: the flag, and at most one name of an identity.

The names have parameters of their own, and no environment variables. An application id that is
set for something else, in a variable or a profile, never changes which identity is meant.
"""

import re

from grantway.parameters import Parameter, flag, text
from grantway.protocol import GUID

_RESOURCE_ID = (
    r"(?i)/subscriptions/[\w-]+/resourcegroups/[^/\s?#]+"
    r"/providers/microsoft\.managedidentity/userassignedidentities/[^/\s?#]+"
)


def _guid(value: object) -> str:
    return GUID.read(text(value))


def _resource_id(value: object) -> str:
    given = text(value)
    if not re.fullmatch(_RESOURCE_ID, given):
        raise ValueError(
            f"{given!r} is no resource id of a user-assigned identity: /subscriptions/ID/"
            "resourceGroups/NAME/providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME"
        )
    return given


MANAGED_IDENTITY = Parameter(
    "managed_identity",
    flag,
    "Get the token from the machine that this runs on, which vouches for it: no secret is needed.",
)
IDENTITY_CLIENT_ID = Parameter(
    "identity_client_id",
    _guid,
    "The user-assigned identity, by its client id; the system-assigned one by default.",
    excludes=("identity_object_id", "identity_resource_id"),
)
IDENTITY_OBJECT_ID = Parameter(
    "identity_object_id",
    _guid,
    "The user-assigned identity, by the object id of its service principal.",
    excludes=("identity_client_id", "identity_resource_id"),
)
IDENTITY_RESOURCE_ID = Parameter(
    "identity_resource_id",
    _resource_id,
    "The user-assigned identity, by its resource id (/subscriptions/...).",
    excludes=("identity_client_id", "identity_object_id"),
)
IDENTITIES = (IDENTITY_CLIENT_ID, IDENTITY_OBJECT_ID, IDENTITY_RESOURCE_ID)
