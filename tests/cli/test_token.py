"""`grantway token`: what reaches the provider, and what is printed."""

import logging
import shlex
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from cli.support import APP, SENTINEL, Clock, Outcome, Shop, run, session, token_result
from grantway import AuthenticationResult, Credential, Reference, Secret
from grantway.errors import (
    AccessDenied,
    AuthorityError,
    CacheError,
    ConfigurationError,
    DeadlineExceeded,
    GrantwayError,
    InteractionRequired,
    InvalidGrant,
    MalformedResponse,
    PluginError,
    ProtocolViolation,
    TransportError,
    VaultError,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True)
def voucher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", SENTINEL)


def token(shop: Shop, *args: str, config: str = "", before: tuple[str, ...] = ()) -> Outcome:
    here = session(shop, config=config, clock=Clock(NOW), prompter=False)
    return run(*before, "token", "--environment", "Mall", *args, session=here)


def failing(error: BaseException) -> Shop:
    def fail(*_: object) -> None:
        raise error

    return Shop(fail)


VOUCHER = ("--voucher", "env:TEST_SECRET")


def test_stdout_has_the_bare_token_and_nothing_else() -> None:
    assert token(Shop(), *VOUCHER) == Outcome(0, "the-access-token\n", "")


def test_what_a_plugin_prints_is_no_part_of_the_answer() -> None:
    def answer(*_: object) -> AuthenticationResult:
        print("noise")
        return token_result()

    assert token(Shop(answer), *VOUCHER) == Outcome(0, "the-access-token\n", "noise\n")


@pytest.mark.parametrize("code", [0, 3, None, "text"])
def test_a_plugin_that_leaves_the_program_is_a_failure(code: object) -> None:
    outcome = token(failing(SystemExit(code)), *VOUCHER)
    assert (outcome.code, outcome.stdout) == (3, "")
    assert "SystemExit" in outcome.stderr


def test_standard_output_that_was_closed_is_told() -> None:
    code = (
        "import sys; from grantway.cli import main; sys.argv[1:] = ['config', 'schema'];"
        "sys.stdout.close(); sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("Error: Standard output is closed")


def test_a_provider_that_is_set_aside_is_told_with_its_reason() -> None:
    here = session(Shop(), Shop(), names=["acme:shop", "other:shop"], prompter=False)
    outcome = run("token", "--provider", "Shop", session=here)
    assert outcome.code == 2
    assert "'Shop' is not in use, for acme:shop is set aside. It claims the" in outcome.stderr
    assert "GRANTWAY_DISABLE_PLUGINS" in outcome.stderr


def test_that_plugins_are_not_in_use_is_told_where_a_provider_is_missing() -> None:
    here = session(object(), names=["acme:empty"], prompter=False)
    outcome = run("token", "--provider", "Shop", session=here)
    assert outcome.code == 2
    assert "Some plugins are not in use: see `grantway plugins`." in outcome.stderr


def test_the_provider_gets_the_opened_secret() -> None:
    shop = Shop()
    token(shop, *VOUCHER)
    assert shop.requests[0].values["voucher"] == Secret(SENTINEL)


def test_options_of_a_third_party_arrive_parsed() -> None:
    shop = Shop()
    outcome = token(
        shop, *VOUCHER, "--hue", "RED", "--quick", "--tags", "a b", "--tags", "c",
    )  # fmt: skip
    assert outcome.code == 0, outcome
    values = shop.requests[0].values
    assert values["colour"] == "red"
    assert values["quick"] is True
    assert values["tags"] == ("a", "b", "c")


def test_the_no_form_of_a_flag_is_a_preference() -> None:
    shop = Shop()
    token(shop, *VOUCHER, "--no-quick")
    assert shop.requests[0].values["quick"] is False


def test_an_act_has_no_no_form() -> None:
    assert "--no-consent" not in token(Shop(), "--help").stdout


def test_the_header_fits_curl() -> None:
    outcome = token(Shop(), *VOUCHER, "-o", "header")
    assert outcome.stdout == "Authorization: Bearer the-access-token\n"


def test_there_is_no_header_for_what_is_no_access_token() -> None:
    issued = token_result(
        token_type="N_A", issued_token_type="urn:ietf:params:oauth:token-type:jwt"
    )
    outcome = token(Shop(lambda *_: issued), *VOUCHER, "-o", "header")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "no access token" in outcome.stderr
    assert token(Shop(lambda *_: issued), *VOUCHER).stdout == "the-access-token\n"
    assert "token-type:jwt" in token(Shop(lambda *_: issued), *VOUCHER, "-o", "table").stdout


def test_assignments_are_quoted_for_the_shell() -> None:
    nasty = "a'b $(touch /tmp/x) `id`"
    outcome = token(Shop(lambda *_: token_result(nasty)), *VOUCHER, "-o", "env")
    first, *others = outcome.stdout.splitlines()
    assert shlex.split(first) == [f"GRANTWAY_ACCESS_TOKEN={nasty}"]
    assert others == ["GRANTWAY_TOKEN_TYPE=Bearer", "GRANTWAY_EXPIRES_ON=2030-01-01T01:00:00+00:00"]


def test_the_table_shows_what_is_known_but_no_token() -> None:
    outcome = token(Shop(), *VOUCHER, "-o", "table")
    assert "Mall" in outcome.stdout
    assert "2030-01-01 01:00:00 UTC" in outcome.stdout
    assert "-token" not in outcome.stdout


def test_json_has_the_refresh_token_only_when_asked() -> None:
    plain, full = (token(Shop(), *VOUCHER, "--json", *more) for more in ([], ["--all-tokens"]))
    assert plain.json["access_token"] == "the-access-token"
    assert "the-refresh-token" not in plain.all
    assert full.json["refresh_token"] == "the-refresh-token"
    assert full.json["id_token"] == "the-id-token"


@pytest.mark.parametrize("args", [("--json", "-o", "text"), ("--all-tokens",)])
def test_formats_that_exclude_each_other_are_refused(args: tuple[str, ...]) -> None:
    assert token(Shop(), *VOUCHER, *args).code == 2


def test_a_token_is_served_from_a_profile() -> None:
    shop = Shop()
    config = '[profiles.work]\nvoucher = "env:TEST_SECRET"\ncolour = "green"\n'
    assert token(shop, "-p", "work", config=config).code == 0
    assert shop.requests[0].values["colour"] == "green"


def test_a_wrong_profile_is_a_matter_of_set_up() -> None:
    outcome = token(Shop(), "-p", "wrok", config="[profiles.work]\n")
    assert outcome.code == 3
    assert "Did you mean work?" in outcome.stderr


def test_timeout_and_provider_reach_the_dispatcher() -> None:
    timeouts: list[float] = []
    shop = Shop(lambda request, context: timeouts.append(context.timeout) or token_result())
    args = ("--provider", "shop", "--parameter-set", "told", "--colour", "red", "--tags", "x")
    outcome = token(shop, "--timeout", "7", *args)
    assert outcome.code == 0, outcome
    assert timeouts == [7.0]


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("--provider", "Shopp"), "Did you mean Shop?"),
        (("--provider", "Shop", "--parameter-set", "Nope"), "It has: Voucher, Told."),
        (("--parameter-set", "Told"), "--provider"),
    ],
)
def test_a_name_that_is_not_there_is_a_mistake_in_the_call(
    args: tuple[str, ...], hint: str
) -> None:
    outcome = token(Shop(), *VOUCHER, *args)
    assert outcome.code == 2
    assert hint in outcome.stderr


def test_what_is_missing_is_named_as_options() -> None:
    outcome = token(Shop(), "--login-hint", "somebody")
    assert outcome.code == 2
    assert "Add --application-id." in outcome.stderr


def test_a_parameter_given_twice_is_refused_under_any_name() -> None:
    outcome = token(Shop(), "--application-id", APP, "--client-id", APP)
    assert outcome.code == 2
    assert "--application-id: it is given 2 times" in outcome.stderr


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--provider", ("Shop", "Shop")),
        ("--parameter-set", ("Voucher", "Voucher")),
        ("--timeout", ("5", "6")),
        ("--profile", ("one", "two")),
        ("--output", ("text", "header")),
    ],
)
def test_an_option_of_one_value_given_twice_is_refused(
    option: str, values: tuple[str, str]
) -> None:
    outcome = token(Shop(), *VOUCHER, option, values[0], option, values[1])
    assert outcome.code == 2
    assert f"{option} is given 2 times. Give it once." in outcome.stderr
    assert outcome.stdout == ""


def test_a_short_option_and_its_long_one_are_the_same_option() -> None:
    outcome = token(Shop(), *VOUCHER, "-o", "text", "--output", "header")
    assert "--output is given 2 times" in outcome.stderr
    assert token(Shop(), *VOUCHER, "-o", "text", "-o", "header", "--help").code == 0


def test_rivals_exclude_each_other() -> None:
    outcome = token(Shop(), *VOUCHER, "--scopes", "a", "--resource", "till")
    assert outcome.code == 2
    assert "exclude" in outcome.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InteractionRequired("x"), 4),
        (ConfigurationError("x"), 3),
        (PluginError("x"), 3),
        (CacheError("x"), 3),
        (VaultError("x"), 3),
        (TransportError("x"), 6),
        (MalformedResponse("x"), 6),
        (ProtocolViolation("x"), 6),
        (DeadlineExceeded("x"), 6),
        (AuthorityError("x"), 5),
        (InvalidGrant("x"), 5),
        (AccessDenied("x"), 5),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("x"), 3),
    ],
)
def test_each_error_has_its_exit_code(error: BaseException, code: int) -> None:
    outcome = token(failing(error), *VOUCHER)
    assert outcome.code == code
    assert outcome.stdout == ""
    if code != 130:
        assert token(failing(error), *VOUCHER, "--json").error["message"]


def test_an_error_says_what_happened_and_then_the_remedy() -> None:
    outcome = token(failing(PluginError("It broke.", remedy="Mend it.")), *VOUCHER)
    assert outcome.stderr == "Error: It broke.\n  Mend it.\n"


def test_a_refusal_shows_the_ids_that_support_asks_for() -> None:
    error = AuthorityError("No.", error="nope", correlation_id="c-1", trace_id="t-1")
    assert "correlation_id c-1, trace_id t-1" in token(failing(error), *VOUCHER).stderr
    facts = token(failing(error), *VOUCHER, "--json").error
    assert facts["error"] == "nope"
    assert facts["correlation_id"] == "c-1"


def test_what_an_authority_says_does_not_steer_the_terminal() -> None:
    outcome = token(failing(AuthorityError("\x1b[2Jgone\x9b\u202e")), *VOUCHER)
    assert not {"\x1b", "\x9b", "\u202e"} & set(outcome.stderr)
    assert r"gone\x9b\u202e" in outcome.stderr


def test_a_token_in_hand_is_printed_though_its_successor_found_no_place() -> None:
    error = VaultError("The vault is full.", result=token_result())
    outcome = token(failing(error), *VOUCHER)
    assert outcome.code == 3
    assert outcome.stdout == "the-access-token\n"
    assert "The vault is full." in outcome.stderr
    in_json = token(failing(error), *VOUCHER, "--json")
    assert in_json.json["access_token"] == "the-access-token"
    assert in_json.error["type"] == "VaultError"


def test_a_plugins_bug_is_said_to_be_its_own_without_its_text() -> None:
    outcome = token(failing(ZeroDivisionError(SENTINEL)), *VOUCHER)
    assert "fault of" in outcome.stderr
    assert "ZeroDivisionError" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert SENTINEL not in outcome.all


def test_a_bug_shows_its_traceback_under_vv_without_locals() -> None:
    def fail(*_: object) -> None:
        hidden = SENTINEL
        raise ZeroDivisionError(f"client_secret={hidden}")

    outcome = token(Shop(fail), *VOUCHER, before=("-vv",))
    assert "Traceback" in outcome.stderr
    assert SENTINEL not in outcome.all


def test_v_says_what_is_selected_and_why() -> None:
    outcome = token(Shop(), *VOUCHER, before=("-v",))
    assert outcome.stdout == "the-access-token\n"
    assert "Info: environment Mall" in outcome.stderr
    assert "Shop/Voucher is the one set that takes" in outcome.stderr


@pytest.mark.parametrize(
    "said",
    [
        f"POST body: grant_type=x&client_secret={SENTINEL}&scope=y",
        f"{{'refresh_token': '{SENTINEL}'}}",
        f'{{"access_token": "{SENTINEL}"}}',
        f"Authorization: Bearer {SENTINEL}",
        f"Authorization: Basic {SENTINEL}",
        f"got eyJ{'a' * 20}.eyJ{SENTINEL}.x",
    ],
)
def test_no_logger_leaks_a_secret(said: str) -> None:
    def tell(*_: object) -> object:
        logging.getLogger("some.library").warning("%s", said)
        logging.getLogger("grantway.plugin").debug(said)
        return token_result()

    outcome = token(Shop(tell), *VOUCHER, before=("-vv",))
    assert "some.library" in outcome.stderr
    assert SENTINEL not in outcome.stderr


def test_libraries_are_not_asked_for_their_debug() -> None:
    def tell(*_: object) -> object:
        logging.getLogger("some.library").debug("chatter")
        logging.getLogger("some.library").info("chatter")
        return token_result()

    assert "chatter" not in token(Shop(tell), *VOUCHER, before=("-vv",)).stderr


def test_a_warning_goes_to_stderr() -> None:
    here = session(Shop(), clock=Clock(NOW))
    outcome = run("token", "--environment", "Ruin", *VOUCHER, session=here)
    assert outcome.stdout == "the-access-token\n"
    assert "Warning: Ruin is closed" in outcome.stderr


def test_with_json_an_error_is_one_object_that_holds_the_warnings() -> None:
    here = session(failing(GrantwayError("x")), clock=Clock(NOW))
    outcome = run("token", "--environment", "Ruin", *VOUCHER, "--json", session=here)
    assert outcome.error["warnings"] == ["Ruin is closed: closed since 2020"]


def test_no_input_asks_nobody() -> None:
    here = session(Shop(), clock=Clock(NOW))
    outcome = run(
        "--no-input", "token", "--environment", "Mall", "--voucher", "prompt:Voucher", session=here
    )
    assert outcome.code == 4


def test_references_stay_references_until_the_provider_is_called() -> None:
    from grantway.cli.options import given
    from grantway.cli.program import program

    here = session(Shop())
    args = ["token", "--credential", f"{APP}=env:X", "--refresh-token", "file:/x"]
    with program.make_context("grantway", args, obj=here) as context:
        name, command, rest = program.resolve_command(context, args)
        assert command is not None
        with command.make_context(name, rest, parent=context) as inner:
            found = given(inner, here.registry)
    assert found == {
        "credential": Credential(APP, Reference("env:X")),
        "refresh_token": Reference("file:/x"),
    }
