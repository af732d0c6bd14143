"""No secret in anything that leaves, whether the call goes well or not."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from grantway.errors import GrantwayError
from grantway.testing.gate import needs
from grantway.testing.hearing import Heard, hearing
from grantway.testing.leaks import assert_unseen, pickle_of, texts_of, traceback_of
from grantway.testing.provider_setting import ProviderSetting, Stage
from grantway.testing.replies import (
    REFRESH_TOKEN,
    Reply,
    broken,
    garbage,
    granted,
    json_reply,
    page,
    refused,
    silent,
    throttled,
)


class ProviderSecrecyChecks(ProviderSetting):
    """Checks of what is shown."""

    def test_no_result_shows_a_secret(self) -> None:
        """Results are printed and logged by whoever gets them."""
        with self.stage() as stage:
            result = stage.acquire()
            secrets = (*self.all_secrets(), result.access_token)
            assert_unseen(secrets, "The repr of a result", repr(result), str(result))
            public = {**result.as_dict(), "access_token": ""}
            assert_unseen(secrets, "as_dict() of a result", public)

    def test_no_explanation_shows_a_secret(self) -> None:
        """An explanation is what people paste into a ticket."""
        with self.stage() as stage:
            found = stage.explain()
            assert_unseen(self.all_secrets(), "An explanation", found, found.as_dict())

    @needs("asks_authority")
    def test_no_request_shows_a_secret(self) -> None:
        """Addresses are in every proxy's log; what is a secret in a form is a Secret there."""
        with self.stage() as stage:
            stage.acquire()
            for each in stage.transport.sent:
                where = f"The {each.request.endpoint} request"
                assert_unseen(self.all_secrets(), f"{where}'s address", each.request.url)
                assert_unseen(self.all_secrets(), where, each.shown.as_dict())

    def test_no_log_shows_a_secret(self) -> None:
        """Logs are kept for years, by others; `context.logger` masks what a request has met."""
        assert_unseen(self.all_secrets(), "The log", *self._heard().logged)

    def test_nothing_printed_or_warned_shows_a_secret(self) -> None:
        """Terminals are looked at, and what comes out there is kept like a log."""
        heard = self._heard()
        said = (*heard.printed, *heard.complained, *heard.warned)
        assert_unseen(self.all_secrets(), "What is printed or warned of", *said)

    def test_no_process_is_shown_a_secret(self) -> None:
        """Everybody sees command lines, and each process that is started gets all variables."""
        self._call_in_every_way()
        done = self.deeds()
        assert_unseen(self.all_secrets(), "The command line of a process", *done.commands)
        assert_unseen(self.all_secrets(), "An environment variable", *done.variables)

    def test_no_event_shows_a_secret(self) -> None:
        """Observers are other people's plugins."""
        for reply in (None, *self._failures()):
            with self._failing(reply) as (stage, _):
                assert stage.watching.events
                assert_unseen(self.all_secrets(), "An event", stage.watching.events)

    @needs("asks_authority")
    def test_no_error_shows_a_secret(self) -> None:
        """Not even one that the authority repeats; `fetch_token` masks what it was handed."""
        for error in self._errors():
            assert_unseen(self.all_secrets(), type(error).__name__, *texts_of(error))

    @needs("asks_authority")
    def test_no_traceback_shows_a_secret(self) -> None:
        """Many tools show the variables of each frame: a secret is revealed where it is sent."""
        for error in self._errors():
            shown = traceback_of(error)
            assert_unseen(self.all_secrets(), f"The traceback of {type(error).__name__}", shown)

    @needs("asks_authority")
    def test_no_pickled_error_shows_a_secret(self) -> None:
        """Errors cross process boundaries, and rest in queues on the way."""
        for error in self._errors():
            shown = pickle_of(error)
            assert_unseen(self.all_secrets(), f"The pickle of {type(error).__name__}", shown)

    def _heard(self) -> Heard:
        with hearing() as heard:
            self._call_in_every_way()
        return heard

    def _call_in_every_way(self) -> None:
        for reply in (None, *self._failures()):
            with self._failing(reply) as (stage, _):
                stage.explain()

    def _failures(self) -> Iterator[Reply]:
        """Replies that fail a call, and repeat the secrets where they can."""
        if not self.asks_authority:
            return
        everything = " ".join(self.given_secrets()) or "nothing"
        yield refused("invalid_client", f"wrong: {everything}", 401, suberror=everything)
        yield json_reply({"error": everything}, 400)
        yield json_reply({"error": "x", "refresh_token": REFRESH_TOKEN})
        yield granted(access_token="")
        yield garbage(b'{"access_token": "' + everything.encode())
        yield from (page(503), broken(), throttled(9999.0), silent())

    def _errors(self) -> Iterator[GrantwayError]:
        for reply in self._failures():
            with self._failing(reply) as (_, error):
                assert error is not None, "The call went well, and the authority had failed."
                yield error

    @contextmanager
    def _failing(
        self, reply: Reply | None
    ) -> Generator[tuple[Stage, GrantwayError | None], None, None]:
        """A call on a stage that is still there, and the error of ours that it ended with."""
        with self.stage(*([reply] if reply else [])) as stage:
            failed: GrantwayError | None = None
            try:
                stage.acquire(timeout=5)
            except GrantwayError as error:
                failed = error
            yield stage, failed
