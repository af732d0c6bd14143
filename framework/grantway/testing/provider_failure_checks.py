"""Calls that the authority fails: each failure is the error of the tree that callers expect."""

from grantway.errors import (
    AuthorityError,
    GrantwayError,
    InteractionRequired,
    MalformedResponse,
    Throttled,
    TransportError,
)
from grantway.testing.gate import needs
from grantway.testing.provider_setting import ProviderSetting
from grantway.testing.replies import broken, garbage, page, refused, throttled, unreachable

_LONG = 9999.0


class ProviderFailureChecks(ProviderSetting):
    """Checks of what becomes of an authority's failures."""

    @needs("asks_authority")
    def test_a_refusal_is_an_authority_error(self) -> None:
        """Callers branch on it; it keeps the authority's own words."""
        error = self.failure(refused("invalid_client", "the sky is falling", status=401))
        _is(error, AuthorityError, InteractionRequired)
        assert "the sky is falling" in str(error) or "the sky is falling" in str(error.__cause__), (
            "What the authority says is lost."
        )

    @needs("asks_authority")
    def test_a_page_of_html_is_a_malformed_response(self) -> None:
        """A proxy or a load balancer writes one; it is no refusal by the authority."""
        error = self.failure(page(503))
        _is(error, MalformedResponse)
        assert getattr(error, "status", None) == 503, "The status is lost."

    @needs("asks_authority")
    def test_garbage_is_a_malformed_response(self) -> None:
        """Half of a JSON object is not the whole of it."""
        _is(self.failure(garbage()), MalformedResponse)

    @needs("asks_authority")
    def test_being_throttled_is_told_with_the_time_to_wait(self) -> None:
        """A 429 that asks for more time than there is comes out at once, with that time in it."""
        error = self.failure(throttled(_LONG))
        _is(error, Throttled)
        wait = getattr(error, "retry_after", None)
        assert wait == _LONG, f"retry_after is {wait}, and the authority said {_LONG:g} s."

    @needs("asks_authority")
    def test_an_authority_in_trouble_may_be_tried_again(self) -> None:
        """A 503 passes; `retryable` says so, and lets a token that is about to expire serve."""
        error = self.failure(throttled(None, status=503))
        _is(error, AuthorityError, MalformedResponse)
        assert getattr(error, "retryable", False), "retryable is not true."

    @needs("asks_authority")
    def test_a_broken_connection_is_a_transport_error(self) -> None:
        """No answer came, so nobody has refused anything."""
        _is(self.failure(broken()), TransportError)

    @needs("asks_authority")
    def test_an_unreachable_authority_is_a_transport_error(self) -> None:
        """Nothing was sent, so it was safe to try again, and then it is said."""
        _is(self.failure(unreachable()), TransportError)

    @needs("asks_authority")
    def test_every_failure_says_what_to_do(self) -> None:
        """A message is a sentence of what happened and a remedy; one that is empty helps nobody."""
        for reply in (page(503), garbage(), throttled(_LONG), broken(), unreachable()):
            error = self.failure(reply)
            assert error.message.strip(), f"{type(error).__name__} has no message."
            assert error.remedy.strip(), f"{type(error).__name__} has no remedy: {error.message}"


def _is(error: GrantwayError, *kinds: type[GrantwayError]) -> None:
    assert isinstance(error, kinds), (
        f"{type(error).__name__} came out, and it should be "
        f"{' or '.join(kind.__name__ for kind in kinds)}: {error.message}"
    )
