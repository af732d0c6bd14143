"""A call that goes well: what is planned, sent, asked, returned and kept."""

from datetime import datetime, timedelta

from grantway.authority import FROM_METADATA, PlannedRequest
from grantway.declarations import fault
from grantway.errors import Cancelled, DeadlineExceeded, GrantwayError, InteractionRequired
from grantway.result import AuthenticationResult
from grantway.testing.deeds import nobody_at_the_terminal
from grantway.testing.gate import needs
from grantway.testing.hearing import hearing
from grantway.testing.network import no_network
from grantway.testing.patience import outcomes
from grantway.testing.provider_setting import ProviderSetting
from grantway.testing.replies import REFRESH_TOKEN, granted, silent

_CROWD = 8


class ProviderFlowChecks(ProviderSetting):
    """Checks of calls that go well, and of those that nobody waits for any more."""

    def test_a_result_is_whole(self) -> None:
        """Callers and the cache rely on each field; instants are aware, and of the given clock."""
        with self.stage() as stage:
            result = stage.acquire()
            assert type(result) is AuthenticationResult
            assert not fault(result), fault(result)
            assert (result.provider, result.environment) == (self.provider, self.environment.name)
            for name in ("expires_on", "extended_expires_on", "refresh_on"):
                instant = getattr(result, name)
                assert instant is None or (
                    isinstance(instant, datetime) and instant.timestamp() > stage.clock.now
                ), f"{name} is past by the clock of the test. Take the time from context.clock."

    @needs("reads_cache")
    def test_a_fresh_result_is_served_from_the_cache(self) -> None:
        """What does not say when it expires is asked for at each call."""
        with self.stage() as stage:
            first = stage.acquire()
            sent = len(stage.transport.sent)
            again = stage.acquire()
            assert again.access_token == first.access_token
            assert (len(stage.watching.told("token.acquired")), len(stage.transport.sent)) == (
                1,
                sent,
            ), (
                "The second call was not served from the cache. Give the result expires_on, and "
                "let parse return equal values for equal input."
            )

    @needs("reads_cache")
    def test_concurrent_calls_make_one_flight(self) -> None:
        """A crowd that wants the same token costs the authority one request."""
        with self.stage() as stage:
            outcomes([stage.acquire] * _CROWD, self.patience + 5)
            acquired = len(stage.watching.told("token.acquired"))
            assert acquired == 1, (
                f"{_CROWD} calls at once got {acquired} tokens. Let parse return equal values for "
                "equal input, and give the result expires_on."
            )

    @needs("plans")
    def test_the_plan_opens_nothing(self) -> None:
        """`explain` is for looking before leaping: no socket, nobody asked."""
        with self.stage() as stage, no_network() as tried:
            found = stage.explain()
            assert found.problem is None, str(found.problem)
            assert not tried, f"plan reached for the network: {tried[0]}"
            assert not stage.transport.sent, "plan has sent a request"
            assert stage.prompter is None or not stage.prompter.was_needed, "plan asked somebody"

    @needs("plans", "asks_authority")
    def test_the_plan_agrees_with_what_is_sent(self) -> None:
        """What `explain` shows is what is sent: one function makes each request for both."""
        with self.stage() as stage:
            # What a browser sends, the transport does not see.
            planned = [
                each
                for each in stage.explain().requests
                if not (each.method == "GET" and each.fields)
            ]
            stage.acquire()
            names = {each.endpoint for each in planned}
            sent: list[PlannedRequest] = []
            for each in stage.transport.sent:
                is_wanted = each.shown.method != "GET" or each.shown.endpoint in names
                if is_wanted and not (sent and sent[-1] == each.shown):
                    sent.append(each.shown)
            assert [each.endpoint for each in planned] == [each.endpoint for each in sent], (
                f"Planned are requests to {[each.endpoint for each in planned]}, sent were "
                f"{[each.endpoint for each in sent]}."
            )
            for one, other in zip(planned, sent, strict=True):
                self._agree(one, other)

    def test_it_reaches_the_network_by_its_transport_alone(self) -> None:
        """Hosts, proxies, trust, deadlines and masking are the transport's affair."""
        with self.stage() as stage, no_network(loopback=True) as tried:
            try:
                stage.acquire()
            except GrantwayError:
                if not tried:
                    raise
            assert not tried, f"Something else than context.transport reached out: {tried[0]}"

    def test_nothing_is_printed_to_standard_output(self) -> None:
        """It is for answers: what runs `grantway token` takes all that is there for a token."""
        with hearing() as heard, self.stage() as stage:
            stage.acquire()
        assert not heard.printed, (
            "Something was printed to standard output. Show people what they have to see by "
            "context.prompter, and tell what helps to find an error by context.logger."
        )

    def test_nobody_is_looked_for_at_the_terminal(self) -> None:
        """Who may be asked is the caller's to say: a job that has a terminal would hang there."""
        for someone in (False, True):
            with nobody_at_the_terminal() as tried, self.stage(someone=someone) as stage:
                try:
                    stage.acquire()
                except GrantwayError:
                    if someone and not tried:
                        raise
            assert not tried, (
                f"{tried[0].capitalize()}. Ask by context.prompter, and where that is None raise "
                "InteractionRequired."
            )

    @needs("not interactive")
    def test_nobody_is_asked(self) -> None:
        """It serves where nobody is; what has to be asked makes a parameter set interactive."""
        with self.stage() as stage:
            stage.acquire()
            assert stage.prompter is not None
            assert not stage.prompter.was_needed, "A person was asked, shown or sent something."
        with self.stage(someone=False) as stage:
            stage.acquire()

    @needs("interactive")
    def test_without_a_person_it_says_so_before_any_network(self) -> None:
        """A job at night learns at once that somebody has to sign in, and hangs nowhere."""
        with self.stage(someone=False) as stage:
            try:
                stage.acquire()
            except InteractionRequired as error:
                assert error.remedy, "The error says nothing of what to do instead."
            else:
                raise AssertionError("It got a token without the person that it needs.")
            assert not stage.transport.sent, "A request was sent before that was known."

    @needs("asks_authority")
    def test_the_deadline_is_honoured(self) -> None:
        """The caller's time is theirs: it ends the wait for an authority that says nothing."""
        with self.stage(silent()) as stage:
            began = stage.clock.uptime
            try:
                stage.acquire(timeout=5)
            except DeadlineExceeded:
                pass
            else:
                raise AssertionError("It came back with a result, and nothing had been answered.")
            passed = stage.clock.uptime - began
            assert passed <= 6, f"A call with 5 seconds took {passed:g}."

    @needs("asks_authority")
    def test_cancellation_is_honoured(self) -> None:
        """When nobody waits any more, nothing more is asked of the authority."""
        with self.stage(silent(cancel=True)) as stage:
            try:
                stage.acquire()
            except Cancelled:
                pass
            else:
                raise AssertionError("It went on after everybody had gone.")
            asked = len(stage.transport.requests(self.endpoint))
            assert asked == 1, "The authority was asked again after everybody had gone."

    @needs("renews")
    def test_it_renews_without_a_person(self) -> None:
        """Who has signed in is not asked again while the refresh token of then is good."""
        with self.stage() as stage:
            first = stage.acquire()
            assert first.refresh_token, "No refresh token came back: have answers() bring one."
            shown = _looks(stage.prompter)
            stage.clock.advance(timedelta(days=2).total_seconds())
            stage.acquire()
            assert _looks(stage.prompter) == shown, "A person was asked again."
            last = stage.watching.told("token.acquired")[-1]
            assert last.facts["renewed"], "`renew` was not used, or did not come back."

    @needs("renews")
    def test_a_new_refresh_token_is_kept_whatever_comes_next(self) -> None:
        """The old one may be spent: context.keep_refresh_token comes before all else."""
        reply = granted(refresh_token=REFRESH_TOKEN, id_token="no.token.atall")  # noqa: S106  # none
        with self.stage(reply, at="token") as stage:
            try:
                stage.acquire()
            except GrantwayError as error:
                failed = type(error).__name__
            else:
                failed = ""
            kept = stage.watching.told("refresh_token.kept")
            assert kept, f"A refresh token was lost when {failed or 'a result'} was made of it."

    def _agree(self, planned: PlannedRequest, sent: PlannedRequest) -> None:
        where = f"the {planned.endpoint} request"
        assert planned.method == sent.method, f"{where} is planned as {planned.method}."
        known = planned.url != FROM_METADATA
        assert not known or planned.url == sent.url, (
            f"{where} is planned to go to {planned.url}, and went to {sent.url}."
        )
        wanted = {each for each in planned.fields if each[0] not in self.new_each_time}
        found = {each for each in sent.fields if each[0] not in self.new_each_time}
        # How a client shows itself may depend on what the metadata says.
        differ = wanted ^ found if known else wanted - found
        names = sorted({name for name, _ in differ})
        assert not names, (
            f"{where} is planned with other fields than it is sent with: {', '.join(names)}. What "
            "is new each time is named in new_each_time."
        )


def _looks(prompter: object) -> tuple[int, ...]:
    return tuple(len(getattr(prompter, name, ())) for name in ("asked", "shown", "opened"))
