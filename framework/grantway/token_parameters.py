"""Parameters that are tokens which the caller already has, and what is said with them.

Each such token stands for somebody, and another one comes with each call. So it is a secret, it is
part of the key under which an answer is cached, and what a reference to it stands for is looked
at anew each time (`Parameter.presented`).
"""

from grantway.parameters import Parameter, secret

USER_ASSERTION = Parameter(
    "user_assertion",
    secret,
    "The access token that a user's client sent to this application.",
    secret=True,
    presented=True,
)
