"""`grantway explain`: the same options as `token`, and nothing opened."""

from cli.support import APP, SENTINEL, Shop, run, session

CREDENTIAL = f"{APP}=env:NOT_SET"


def test_it_shows_what_is_chosen_why_and_what_would_be_sent() -> None:
    outcome = run(
        "explain", "--environment", "Mall", "--voucher", "env:NOT_SET", session=session(Shop())
    )
    assert (outcome.code, outcome.stderr) == (0, "")
    assert "Chosen       Shop/Voucher" in outcome.stdout
    assert "Because      Shop/Voucher is the one set" in outcome.stdout
    assert "POST https://mall.example/id/token" in outcome.stdout
    assert "voucher=***" in outcome.stdout
    assert SENTINEL not in outcome.stdout
    assert "RefreshToken" in outcome.stdout


def test_each_value_says_where_it_is_from() -> None:
    config = f'[profiles.work]\ncredential = "{CREDENTIAL}"\n'
    here = session(config=config)
    outcome = run("explain", "-p", "work", "--tenant-id", "contoso.example", session=here)
    lines = [" ".join(line.split()) for line in outcome.stdout.splitlines()]
    assert f"credential {CREDENTIAL} profile work" in lines
    assert "tenant_id contoso.example given" in lines
    assert any(line.startswith("environment ") and line.endswith(" default") for line in lines)


def test_nothing_that_matches_ends_with_the_problem_and_exits_2() -> None:
    outcome = run("explain", "--tenant-id", "x", session=session())
    assert outcome.code == 2
    assert "Chosen       nothing" in outcome.stdout
    assert "needs --application-id" in outcome.stdout
    assert outcome.stderr.startswith("Error: No parameter set takes tenant_id")


def test_json_holds_all_of_it() -> None:
    args = ("explain", "--credential", CREDENTIAL, "--tenant-id", "contoso.example", "--json")
    facts = run(*args, session=session()).json
    assert isinstance(facts, dict)
    assert facts["provider"] == "ServicePrincipal"
    assert facts["values"]["credential"] == CREDENTIAL
    assert ["client_secret", "***"] in facts["requests"][0]["fields"]
    assert facts["problem"] is None


def test_json_of_a_call_that_matches_nothing_still_is_the_answer() -> None:
    outcome = run("explain", "--json", session=session())
    assert outcome.code == 2
    assert outcome.json["problem"]["type"] == "NoParameterSetMatches"
    assert outcome.error["type"] == "NoParameterSetMatches"


def test_warnings_are_part_of_the_explanation() -> None:
    outcome = run("explain", "--environment", "Ruin", "--voucher", "env:X", session=session(Shop()))
    assert "Warnings\n  Ruin is closed: closed since 2020" in outcome.stdout
