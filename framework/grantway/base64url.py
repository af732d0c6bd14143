"""Base64url without padding, as all that is JOSE writes bytes (RFC 7515, section 2)."""

from base64 import urlsafe_b64encode


def base64url(data: bytes) -> str:
    """These bytes as text that may stand in a URL, in a header and in a token."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
