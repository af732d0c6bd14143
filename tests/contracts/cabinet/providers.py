"""A provider that keeps the contract, and many that break it; `breaks` names the checks that tell.

Not collected with the tests: `test_cabinet` runs it, and looks at what has failed.
"""

import contextlib
import itertools
import logging
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from contracts.cabinet.shelf import APART, Shelf
from grantway import (
    AuthenticationResult,
    AuthorityRequest,
    Context,
    CredentialProvider,
    Parameter,
    ParameterSet,
    Secret,
    TokenRequest,
)
from grantway.authority import planned_endpoints
from grantway.errors import GrantwayError, InteractionRequired
from grantway.parameters import APPLICATION_ID, secret, text
from grantway.testing import ProviderContract

KEY_TEXT = "sentinel-key-of-the-cabinet-38ab"
KEY = Parameter("cabinet_key", secret, "What opens the cabinet.", secret=True)

Authenticate = Callable[[TokenRequest, Context], AuthenticationResult]


def grant(request: TokenRequest) -> AuthorityRequest:
    url = planned_endpoints(request.environment, request.tenant).token
    return AuthorityRequest("token", url, (("grant_type", "cabinet"), ("key", request[KEY])))


def plan(request: TokenRequest) -> Iterable[AuthorityRequest]:
    yield grant(request)


def exchanged(
    sent: AuthorityRequest, request: TokenRequest, context: Context
) -> AuthenticationResult:
    from grantway.oauth.exchange import exchange

    return exchange(sent, request, context)


def authenticate(request: TokenRequest, context: Context) -> AuthenticationResult:
    return exchanged(grant(request), request, context)


def shelf(
    authenticate: Authenticate = authenticate,
    name: str = "Cabinet",
    parameter: Parameter[Any] = KEY,
    parameter_set: ParameterSet | None = None,
    **fields: Any,
) -> Shelf:
    parameters = parameter_set or ParameterSet("Cabinet", (parameter,), summary="By its key.")
    given = {"plan": plan, "summary": "a cabinet", **fields}
    return Shelf(providers=[CredentialProvider(name, (parameters,), authenticate, **given)])


class Cabinet(ProviderContract):
    breaks: tuple[str, ...] = ()
    api_version = (0, 1)
    plugin: object = shelf()
    provider = "Cabinet"
    parameters = {"cabinet_key": KEY_TEXT}


# Right ones.


class TestRight(Cabinet):
    pass


def ask(request: TokenRequest, context: Context) -> AuthenticationResult:
    if context.prompter is None:
        raise InteractionRequired("Somebody has to look.", remedy="Have somebody look.")
    context.prompter.show("Look!")
    return authenticate(request, context)


def renew(request: TokenRequest, token: Secret, context: Context) -> AuthenticationResult:
    return authenticate(request, context)


class TestRightWithAPerson(Cabinet):
    plugin = shelf(ask, interactive=("Cabinet",), renew=renew)
    interactive = True
    renews = True


def find(request: TokenRequest, context: Context) -> AuthenticationResult:
    until = datetime.fromtimestamp(context.clock.time() + 600, UTC)
    return AuthenticationResult("found-in-a-drawer", expires_on=until)


class TestRightWithoutAnAuthority(Cabinet):
    plugin = shelf(find, plan=None)
    asks_authority = False
    plans = False


# Wrong declarations.


class TestNotAccepted(Cabinet):
    breaks = ("test_the_registry_accepts_its_plugin",)
    plugin = shelf(parameter=Parameter("timeout", text, "A reserved word."))


class TestTakesAName(Cabinet):
    breaks = ("test_it_takes_no_name_of_a_built_in",)
    plugin = shelf(name="User")
    provider = "User"


class TestHeavy(Cabinet):
    breaks = ("test_importing_its_plugin_loads_nothing_heavy",)
    module = "contracts.cabinet.heavy"


class TestSaysLess(Cabinet):
    breaks = ("test_it_declares_what_it_can_do",)
    plugin = shelf(renew=renew)


class TestHasNoSummary(Cabinet):
    breaks = ("test_it_has_a_summary_for_lists",)
    plugin = shelf(summary="")


class TestHasNoHelp(Cabinet):
    breaks = ("test_every_parameter_says_what_it_is_for",)
    plugin = shelf(parameter=attrs.evolve(KEY, help=""))


class TestHasAnOpenSecret(Cabinet):
    breaks = ("test_what_holds_a_secret_is_declared_secret", "test_no_explanation_shows_a_secret")
    plugin = shelf(
        parameter=Parameter("cabinet_password", text, "What opens it."),
        authenticate=find,
        plan=None,
    )
    parameters = {"cabinet_password": KEY_TEXT}
    secrets = (KEY_TEXT,)
    asks_authority = plans = False


def repeat(value: object) -> Secret:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no key")
    return Secret(value)


class TestRepeatsASecret(Cabinet):
    breaks = ("test_a_wrong_value_is_refused_with_a_reason",)
    plugin = shelf(parameter=attrs.evolve(KEY, parse=repeat))


class TestStandsInTheWay(Cabinet):
    breaks = ("test_its_parameter_sets_stand_in_no_way_of_a_built_in",)
    plugin = shelf(
        find,
        parameter_set=ParameterSet("Cabinet", (APPLICATION_ID,), summary="Anybody."),
        plan=None,
    )
    parameters = {"application_id": "anybody"}
    asks_authority = plans = False


class TestIsNotSelected(Cabinet):
    breaks = ("test_the_call_is_selected_by_its_parameters",)
    parameters = {}


# Wrong calls.


def by_the_wrong_clock(request: TokenRequest, context: Context) -> AuthenticationResult:
    result = authenticate(request, context)
    return attrs.evolve(result, expires_on=datetime.fromtimestamp(time.time() + 3600, UTC))


class TestHasAClockOfItsOwn(Cabinet):
    breaks = ("test_a_result_is_whole",)
    plugin = shelf(by_the_wrong_clock)


def without_end(request: TokenRequest, context: Context) -> AuthenticationResult:
    return attrs.evolve(authenticate(request, context), expires_on=None)


class TestDoesNotSayWhenItExpires(Cabinet):
    breaks = ("test_a_fresh_result_is_served_from_the_cache",)
    plugin = shelf(without_end)


TURNS = itertools.count()


def turn(value: object) -> str:
    return f"{value} {next(TURNS)}"


class TestReadsTheSameDifferently(Cabinet):
    breaks = (
        "test_a_fresh_result_is_served_from_the_cache",
        "test_concurrent_calls_make_one_flight",
    )
    plugin = shelf(
        parameter_set=ParameterSet(
            "Cabinet",
            (KEY, Parameter("cabinet_drawers", turn, "Which drawers.")),
            summary="By its key.",
        )
    )
    parameters = {"cabinet_key": KEY_TEXT, "cabinet_drawers": ["one", "two"]}


def reach_out() -> None:
    with contextlib.suppress(OSError):
        socket.create_connection(("192.0.2.1", 9), 0.01).close()


def looking(request: TokenRequest) -> Iterable[AuthorityRequest]:
    reach_out()
    yield grant(request)


class TestPlansByLooking(Cabinet):
    breaks = ("test_the_plan_opens_nothing",)
    plugin = shelf(plan=looking)


def otherwise(request: TokenRequest) -> Iterable[AuthorityRequest]:
    yield attrs.evolve(grant(request), fields=(("grant_type", "another"), ("key", request[KEY])))


class TestPlansOtherwise(Cabinet):
    breaks = ("test_the_plan_agrees_with_what_is_sent",)
    plugin = shelf(plan=otherwise)


def around(request: TokenRequest, context: Context) -> AuthenticationResult:
    reach_out()
    return authenticate(request, context)


class TestGoesAround(Cabinet):
    breaks = ("test_it_reaches_the_network_by_its_transport_alone",)
    plugin = shelf(around)


def chat(request: TokenRequest, context: Context) -> AuthenticationResult:
    if context.prompter is not None:
        context.prompter.show("By the way ...")
    return authenticate(request, context)


class TestChats(Cabinet):
    breaks = ("test_nobody_is_asked",)
    plugin = shelf(chat)


def ask_late(request: TokenRequest, context: Context) -> AuthenticationResult:
    result = authenticate(request, context)
    if context.prompter is None:
        raise InteractionRequired("Somebody has to look.", remedy="Have somebody look.")
    return result


class TestAsksLate(Cabinet):
    breaks = ("test_without_a_person_it_says_so_before_any_network",)
    plugin = shelf(ask_late, interactive=("Cabinet",))
    interactive = True


def whatever_comes(request: TokenRequest, context: Context) -> AuthenticationResult:
    try:
        return authenticate(request, context)
    except GrantwayError:
        return find(request, context)


class TestTakesWhateverComes(Cabinet):
    breaks = ("test_the_deadline_is_honoured", "test_cancellation_is_honoured")
    plugin = shelf(whatever_comes)


def forever(request: TokenRequest, context: Context) -> AuthenticationResult:
    while True:
        try:
            return authenticate(request, context)
        except GrantwayError:
            time.sleep(0.05)


class TestTriesForEver(Cabinet):
    breaks = ("test_the_deadline_is_honoured", "test_a_refusal_is_an_authority_error")
    plugin = shelf(forever)
    patience = 0.3


def renew_by_asking(request: TokenRequest, token: Secret, context: Context) -> AuthenticationResult:
    return ask(request, context)


class TestRenewsByAsking(Cabinet):
    breaks = ("test_it_renews_without_a_person",)
    plugin = shelf(ask, interactive=("Cabinet",), renew=renew_by_asking)
    interactive = True
    renews = True


def keep_late(request: TokenRequest, context: Context) -> AuthenticationResult:
    answer = context.transport.fetch_token(grant(request), context)
    if "id_token" in answer:
        raise GrantwayError("The id_token is wrong.", remedy="Look at it.")
    return find(request, context)


class TestKeepsLate(Cabinet):
    breaks = ("test_a_new_refresh_token_is_kept_whatever_comes_next",)
    plugin = shelf(keep_late, renew=renew)
    renews = True


# Wrong failures.


def shrug(request: TokenRequest, context: Context) -> AuthenticationResult:
    try:
        return authenticate(request, context)
    except GrantwayError:
        raise GrantwayError("Something went wrong.") from None


class TestShrugs(Cabinet):
    breaks = (
        "test_a_refusal_is_an_authority_error",
        "test_a_page_of_html_is_a_malformed_response",
        "test_garbage_is_a_malformed_response",
        "test_being_throttled_is_told_with_the_time_to_wait",
        "test_an_authority_in_trouble_may_be_tried_again",
        "test_a_broken_connection_is_a_transport_error",
        "test_an_unreachable_authority_is_a_transport_error",
        "test_every_failure_says_what_to_do",
    )
    plugin = shelf(shrug)


def crash(request: TokenRequest, context: Context) -> AuthenticationResult:
    try:
        return authenticate(request, context)
    except GrantwayError as error:
        raise RuntimeError(str(error)) from error


class TestCrashes(Cabinet):
    breaks = ("test_a_refusal_is_an_authority_error", "test_garbage_is_a_malformed_response")
    plugin = shelf(crash)


# What shows its secret.


def in_the_result(request: TokenRequest, context: Context) -> AuthenticationResult:
    return attrs.evolve(authenticate(request, context), tenant_id=request[KEY].reveal())


class TestShowsItInTheResult(Cabinet):
    breaks = ("test_no_result_shows_a_secret", "test_no_event_shows_a_secret")
    plugin = shelf(in_the_result)


def openly(request: TokenRequest, context: Context) -> AuthenticationResult:
    sent = AuthorityRequest(
        "token",
        grant(request).url,
        (("grant_type", "cabinet"), ("key", request[KEY].reveal())),
    )
    return exchanged(sent, request, context)


class TestShowsItInTheRequest(Cabinet):
    breaks = ("test_no_request_shows_a_secret",)
    plugin = shelf(openly)


def aloud(request: TokenRequest, context: Context) -> AuthenticationResult:
    logging.getLogger("cabinet").debug("the key is %s", request[KEY].reveal())
    return authenticate(request, context)


class TestShowsItInTheLog(Cabinet):
    breaks = ("test_no_log_shows_a_secret",)
    plugin = shelf(aloud)


def in_the_error(request: TokenRequest, context: Context) -> AuthenticationResult:
    try:
        return authenticate(request, context)
    except GrantwayError:
        raise GrantwayError(f"The key {request[KEY].reveal()} does not fit.") from None


class TestShowsItInTheError(Cabinet):
    breaks = ("test_no_error_shows_a_secret", "test_no_pickled_error_shows_a_secret")
    plugin = shelf(in_the_error)


def in_a_variable(request: TokenRequest, context: Context) -> AuthenticationResult:
    key = request[KEY].reveal()
    assert key
    return authenticate(request, context)


class TestShowsItInATraceback(Cabinet):
    breaks = ("test_no_traceback_shows_a_secret",)
    plugin = shelf(in_a_variable)


def showing(show: Callable[[str], object]) -> Shelf:
    def show_and_ask(request: TokenRequest, context: Context) -> AuthenticationResult:
        show(request[KEY].reveal())
        return authenticate(request, context)

    return shelf(show_and_ask)


class TestShowsItInALogOfItsOwn(Cabinet):
    breaks = ("test_no_log_shows_a_secret",)
    plugin = showing(lambda key: APART.debug("the key is %s", key))


class TestPrintsIt(Cabinet):
    breaks = (
        "test_nothing_printed_or_warned_shows_a_secret",
        "test_nothing_is_printed_to_standard_output",
    )
    plugin = showing(print)


class TestComplainsOfIt(Cabinet):
    breaks = ("test_nothing_printed_or_warned_shows_a_secret",)
    plugin = showing(lambda key: print(key, file=sys.stderr))


class TestWarnsOfIt(Cabinet):
    breaks = ("test_nothing_printed_or_warned_shows_a_secret",)
    plugin = showing(warnings.warn)


class TestHandsItToAChild(Cabinet):
    breaks = ("test_no_process_is_shown_a_secret",)
    plugin = showing(lambda key: subprocess.run(["true", key], check=True))


class TestHandsItToAShell(Cabinet):
    breaks = ("test_no_process_is_shown_a_secret",)
    plugin = showing(lambda key: os.system(f"true {key}"))


class TestHandsItToAllChildren(Cabinet):
    breaks = ("test_no_process_is_shown_a_secret",)
    plugin = showing(lambda key: os.environ.setdefault("CABINET_KEY_FOUND", key))


# What talks past its caller.


def doing(act: Callable[[], object]) -> Shelf:
    def act_and_ask(request: TokenRequest, context: Context) -> AuthenticationResult:
        act()
        return authenticate(request, context)

    return shelf(act_and_ask)


class TestPrints(Cabinet):
    breaks = ("test_nothing_is_printed_to_standard_output",)
    plugin = doing(lambda: print("asking ..."))


class TestHasAChildPrint(Cabinet):
    breaks = ("test_nothing_is_printed_to_standard_output",)
    plugin = doing(lambda: subprocess.run(["echo", "asking ..."], check=True))


def read() -> None:
    with contextlib.suppress(OSError):
        sys.stdin.readline()


class TestReadsStandardInput(Cabinet):
    breaks = ("test_nobody_is_looked_for_at_the_terminal",)
    plugin = doing(read)


def open_a_terminal() -> None:
    with contextlib.suppress(OSError):
        Path("/dev/tty").open("w").close()


class TestOpensATerminal(Cabinet):
    breaks = ("test_nobody_is_looked_for_at_the_terminal",)
    plugin = doing(open_a_terminal)
