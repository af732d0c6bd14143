"""A secret on the command line, given wrongly in any way, is never repeated."""

import pytest

from cli.support import APP, SENTINEL, Shop, process, run, session

S = SENTINEL
MISTAKES = [
    ("token", "--refresh-token", S),
    ("token", f"--refresh-token={S}"),
    ("token", "--refresh-token", f"abc:{S}"),
    ("token", "--refresh-token", f"{APP}={S}"),
    ("token", "--refresh-token", f"env{S}"),
    ("token", "--credential", S),
    ("token", "--credential", f"{APP}={S}"),
    ("token", "--credential", f"{APP}=vault:{S}"),
    ("token", "--credential", f"={S}"),
    ("token", "--save-refresh-token", S),
    ("token", "--save-refresh-token", f"abc:{S}"),
    ("token", "--voucher", S),
    ("token", "--refresh-tokn", S),
    ("token", f"--refresh-tokn={S}"),
    ("token", f"--{S}"[:20] + f"={S}"),
    ("token", S),
    ("token", "--", S),
    ("token", "--consent", S),
    ("token", f"--consent={S}"),
    ("token", "-RefreshToken", S),
    ("token", f"-RefreshToken={S}"),
    ("token", f"-refresh-token={S}"),
    ("token", f"-password={S}"),
    ("token", "--refresh-token", "env:X", S),
    ("explain", "--refresh-token", S),
    ("explain", "--refresh-token", f"abc:{S}"),
    ("explain", "--credential", f"{APP}=abc:{S}"),
    ("explain", "--save-refresh-token", f"abc:{S}"),
    ("explain", S),
    ("decode", S),
    ("decode", f"abc:{S}"),
    ("decode", "-", S),
    ("decode", f"--token={S}"),
    ("decode", f"eyJhbGciOiJSUzI1NiJ9.{S}.x"),
    ("providers", "list", S),
    ("environments", "show", "GlobalCloud", S),
    (f"--refresh-token={S}", "token"),
]


@pytest.mark.parametrize("json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("args", MISTAKES, ids=lambda args: " ".join(args).replace(S, "SECRET"))
def test_a_secret_in_the_wrong_place_is_refused_and_not_repeated(
    args: tuple[str, ...], json: bool
) -> None:
    before = ("-vv",) if args[0] in ("token", "explain", "decode") else ()
    outcome = run(*before, *args, *(["--json"] if json else []), session=session(Shop()))
    assert outcome.code == 2, outcome
    assert outcome.stdout == ""
    assert S not in outcome.stderr
    if json and "--" not in args:
        assert "Traceback" in outcome.stderr or outcome.error


def test_the_refusal_names_the_remedy() -> None:
    outcome = run("token", "--credential", f"{APP}={S}", session=session(Shop()))
    assert "USER=REFERENCE" in outcome.stderr
    assert "env:NAME" in outcome.stderr


def test_options_with_one_dash_are_answered_with_their_right_form() -> None:
    outcome = run("token", "-TenantId", "x", session=session(Shop()))
    assert "Options have two dashes: --tenant-id." in outcome.stderr


@pytest.mark.parametrize("args", [MISTAKES[0], MISTAKES[13], MISTAKES[15], MISTAKES[29]])
def test_so_it_is_in_a_process_of_its_own(args: tuple[str, ...]) -> None:
    outcome = process("-vv", *args)
    assert outcome.code == 2
    assert S not in outcome.all


@pytest.mark.parametrize("where", ["variable", "profile"])
def test_a_secret_that_only_looks_like_a_reference_is_shown_by_nothing(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = None
    if where == "variable":
        monkeypatch.setenv("GRANTWAY_CREDENTIAL", f"someone=hunter:{S}")
    else:
        config = f'default_profile = "work"\n[profiles.work]\ncredential = "someone=hunter:{S}"\n'
    for args in (("config", "show"), ("config", "check"), ("explain",), ("token",)):
        for more in ((), ("--json",)) if args != ("token",) else ((),):
            here = session(Shop(), config=config)
            assert S not in run(*args, *more, session=here).all
    facts = run("config", "show", "--json", session=session(Shop(), config=config)).json
    (credential,) = (each for each in facts["values"] if each["parameter"] == "credential")
    assert credential["value"] == ""
    assert "no installed vault opens this reference" in credential["fault"]


def test_a_bare_secret_in_the_configuration_is_shown_by_nothing() -> None:
    config = (
        f'default_profile = "work"\n[profiles.work]\ncredential = "{S}"\nrefresh_token = "{S}"\n'
    )
    for args in (
        ("config", "show"), ("config", "check"), ("explain",), ("token",), ("-vv", "token"),
    ):  # fmt: skip
        for more in ((), ("--json",)):
            assert S not in run(*args, *more, session=session(Shop(), config=config)).all
