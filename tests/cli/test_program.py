"""The program as a whole: start, help, typing mistakes, streams, plugins' commands, interruption."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import click
import pexpect
import pytest

import grantway
from cli.support import GRANTWAY, Outcome, Shop, jwt, process, run, session
from grantway.cli import failures
from grantway.cli.program import program
from grantway.cli.session import Session
from grantway.errors import GrantwayError


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(group, click.Group):
        context = click.Context(group, obj=Session())
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if command is not None and (path or name in program.modules):
                yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", list(commands(program)), ids=" ".join)
def test_every_command_has_a_summary_a_description_and_examples(path: tuple[str, ...]) -> None:
    outcome = run(*path, "--help", session=session())
    assert outcome.code == 0
    usage, _, rest = outcome.stdout.partition("\n\n")
    assert usage.startswith("Usage: grantway")
    summary = rest.split("\n\n")[0].strip()
    assert summary.endswith(".")
    assert "Examples:\n  # " in rest
    assert run(*path, "-h", session=session()) == outcome
    for line in rest.splitlines():
        assert len(line) <= 100


def test_help_groups_parameters_by_set() -> None:
    text = run("token", "--help", session=session(Shop())).stdout
    assert (
        "  ServicePrincipal\n"
        "    --credential USER=REFERENCE --tenant-id TEXT [--application-id TEXT]\n"
        "    [--retry-new-secret] [COMMON]\n"
    ) in text
    assert "Shop/Voucher" in text
    assert "--colour, --hue red|green" in text
    positions = [text.index(word) for word in ("Syntax:", "Parameters:", "COMMON (", "Options:")]
    assert positions == sorted(positions)


def test_the_version_is_one_line() -> None:
    expected = Outcome(0, f"grantway {grantway.__version__}\n", "")
    assert process("--version") == process("--version", python=True) == expected


def test_asking_for_the_version_imports_no_more_than_click_does() -> None:
    code = (
        "import sys; from grantway.cli import main; sys.argv[1:] = ['--version']; main();"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    unwanted = [
        "attr",
        "attrs",
        "pluggy",
        "logging",
        "json",
        "importlib.metadata",
        "requests",
        "asyncio",
    ]
    assert not loaded.intersection(unwanted)
    assert {name for name in loaded if name.startswith("grantway.")} == {
        "grantway.cli", "grantway.cli.command", "grantway.cli.output", "grantway.cli.program",
        "grantway.cli.session", "grantway.commands", "grantway.version",
    }  # fmt: skip


@pytest.mark.parametrize(
    "args",
    [
        ["providers"],
        ["environments"],
        ["decode"],
    ],
    ids=lambda args: args[0],
)
def test_what_sends_nothing_loads_no_http(args: list[str]) -> None:
    code = (
        "import sys; from grantway.cli import main\n"
        f"sys.argv[1:] = {args}\n"
        "assert main() == 0\n"
        "print(sorted({'requests', 'requests_oauthlib'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, input=jwt({}), check=False
    )
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["tokn"], "Did you mean token?"),
        (["environmnts"], "Did you mean environments?"),
        (["providers", "shw"], "Did you mean show?"),
        (["config", "chek"], "Did you mean check or schema?"),
        (["token", "--tenantid", "x"], "--tenant-id"),
        (["token", "--no-plugins"], "grantway --no-plugins ..."),
        (["token", "-v"], "grantway -v ..."),
        (["completion", "tcsh"], "bash"),
    ],
)
def test_a_typing_mistake_is_answered_with_what_may_be_meant(args: list[str], hint: str) -> None:
    outcome = run(*args, session=session())
    assert outcome.code == 2
    assert outcome.stdout == ""
    assert hint in outcome.stderr


def test_bare_grantway_shows_its_help_as_a_mistake() -> None:
    outcome = run(session=session())
    assert outcome.code == 2
    assert "Commands:" in outcome.stderr
    assert "Error" not in outcome.stderr


@pytest.mark.parametrize("args", [["tokn", "--json"], ["token", "--nope", "-o", "json"],
                                  ["token", "--nope", "--output=json"]])  # fmt: skip
def test_usage_errors_are_json_for_who_reads_json(args: list[str]) -> None:
    outcome = run(*args, session=session())
    assert outcome.code == 2
    assert outcome.error["message"]


# Commands of plugins.


@click.command("greet")
@click.pass_context
def greet(context: click.Context) -> None:
    """Say hello."""
    click.echo(f"hello from {type(context.obj).__name__}")


@click.command("fail")
@click.argument("how")
def fail(how: str) -> None:
    """Fail in some way."""
    errors = {
        "grantway": GrantwayError("It failed."),
        "click": click.ClickException("It failed."),
        "exit": SystemExit(7),
        "text": SystemExit("It failed."),
        "abort": click.Abort(),
    }
    raise errors[how]


def test_commands_of_plugins_are_run_and_listed_apart() -> None:
    here = session(Shop(commands=(greet,)))
    assert run("greet", session=here).stdout == "hello from Session\n"
    _, _, listed = run("--help", session=here).stdout.partition("Commands of plugins:\n")
    assert "greet Say hello." in [" ".join(line.split()) for line in listed.splitlines()]


def test_a_plugin_cannot_take_over_a_command_of_the_core() -> None:
    impostor = click.Command("token", callback=lambda: click.echo("impostor"))
    here = session(Shop(commands=(impostor,)))
    assert "impostor" not in run("token", session=here).all


def test_a_core_command_asks_no_plugin_for_its_commands() -> None:
    class Slow(Shop):
        pass

    asked: list[str] = []
    here = session(Shop())
    here.registry.commands = lambda: asked.append("asked")
    run("environments", session=here)
    run("token", "--help", session=here)
    assert asked == []


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("grantway", 1, "Error: It failed."),
        ("click", 1, "Error: It failed."),
        ("exit", 7, ""),
        ("text", 1, "Error: It failed."),
        ("abort", 130, ""),
    ],
)
def test_a_failing_command_of_a_plugin_is_told_like_any(how: str, code: int, said: str) -> None:
    outcome = run("fail", how, session=session(Shop(commands=(fail,))))
    assert outcome.code == code
    assert said in outcome.stderr


# Streams.


def test_nobody_reading_the_answer_ends_quietly() -> None:
    for args in ("environments", "--help", "providers --json"):
        line = f"set -o pipefail; '{GRANTWAY}' {args} | true"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
        assert done.stderr == ""
        assert done.returncode in (0, 141)


def test_an_answer_that_cannot_be_written_is_an_error() -> None:
    for command, redirect in product(
        ("environments", "--help", "token --help"), ("> /dev/full", ">&-")
    ):
        line = f"'{GRANTWAY}' {command} {redirect}"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
        assert done.returncode == 3
        assert done.stderr.startswith("Error: ")
        assert "Traceback" not in done.stderr


def test_without_stderr_the_exit_code_still_tells() -> None:
    line = f"'{GRANTWAY}' environments show nope 2>&-"
    assert subprocess.run(["bash", "-c", line], capture_output=True, check=False).returncode == 2


def test_an_encoding_that_lacks_a_character_fails_no_answer(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[environments.X]\nauthority = "https://x.example"\nsummary = "Zoë"\n')
    outcome = process("environments", PYTHONIOENCODING="ascii", GRANTWAY_CONFIG=str(file))
    assert outcome.code == 0
    assert "Zo\\xeb" in outcome.stdout


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(variables: dict[str, str], coloured: bool) -> None:
    env = {**os.environ, "TERM": "xterm", **variables}
    child = pexpect.spawn(str(GRANTWAY), ["plugins"], env=env, encoding="utf-8", timeout=30)
    child.expect(pexpect.EOF)
    assert ("\x1b[" in child.before) is coloured
    assert "\x1b[" not in process("plugins", TERM="xterm").all


@pytest.mark.parametrize("args", [["decode"], ["token", "--environment", "X", "--tenant-id", "t",
                                   "--credential", "app=prompt:Secret"]])  # fmt: skip
def test_ctrl_c_ends_with_130_and_a_line_of_its_own(args: list[str], tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[environments.X]\nauthority = "https://x.example"\ntenant = "t"\n')
    # At a terminal of continuous integration nobody is asked.
    env = {**os.environ, "GRANTWAY_CONFIG": str(file), "CI": ""}
    child = pexpect.spawn(str(GRANTWAY), args, env=env, encoding="utf-8", timeout=30)
    child.expect(["Ctrl-D:", "Secret: "])
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert child.before is not None
    assert child.before.endswith("\n")
    assert "Traceback" not in child.before


# Plugins of third parties, and completion.


def test_no_plugins_is_known_before_help_asks_for_commands() -> None:
    here = Session()
    run("--no-plugins", "--help", session=here)
    assert here.no_plugins
    outcome = run("--no-plugins", "plugins", "--json")
    assert all(each["builtin"] or each["state"] == "disabled" for each in outcome.json)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_says_how_to_install_it(shell: str) -> None:
    script = run("completion", shell).stdout
    assert f"grantway completion {shell}" in script
    assert "_GRANTWAY_COMPLETE" in script
    if shell == "zsh":
        assert script.startswith("#compdef grantway\n")


def completed(line: str, **variables: str) -> list[str]:
    outcome = process(_GRANTWAY_COMPLETE="bash_complete", COMP_LINE=line, **variables)
    assert outcome.stderr == ""
    return [each.partition(",")[2] for each in outcome.stdout.splitlines()]


def test_completion_knows_commands_options_and_names(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        '[profiles.work]\n[environments.Home]\nauthority = "https://h.example"\n'
        'resources = {tillbox = "https://t.example"}\n'
    )
    here = {"GRANTWAY_CONFIG": str(file)}
    assert completed("grantway tok") == ["token"]
    assert completed("grantway environments ") == [
        "add", "remove", "which", "list", "show", "test",
    ]  # fmt: skip
    assert completed("grantway environments show hom", **here) == ["Home"]
    assert completed("grantway token --tenant-") == ["--tenant-id"]
    assert completed("grantway token --environment ho", **here) == ["Home"]
    assert completed("grantway token --resource till", **here) == ["tillbox"]
    assert completed("grantway token -p ", **here) == ["work"]
    assert completed("grantway token --provider Ref") == ["RefreshToken"]
    assert completed("grantway completion ") == ["bash", "fish", "zsh"]


def test_completion_is_silent_when_the_configuration_is_broken(tmp_path: Path) -> None:
    assert completed("grantway token -p ", GRANTWAY_CONFIG=str(tmp_path / "none.toml")) == []


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("grantway environ", "ments "),
        ("grantway plugins show grantway:gra", "nts "),
        ("grantway token --environment=Glob", "alCloud "),
        ("grantway token --refresh-token file:ex", "ample.txt "),
        ("grantway token --credential a=file:ex", "ample.txt "),
        ("grantway token --credential a=file:fol", "der/"),
    ],
)
def test_a_person_completes_words_that_bash_would_break(
    tmp_path: Path, typed: str, then: str
) -> None:
    (tmp_path / "example.txt").write_text("")
    (tmp_path / "folder").mkdir()
    environ = {**os.environ, "PATH": f"{GRANTWAY.parent}:{os.environ['PATH']}", "PS1": "$ "}
    shell = pexpect.spawn(
        "bash",
        ["--noprofile", "--norc", "-i"],
        cwd=str(tmp_path),
        env=environ,  # type: ignore[arg-type]  # pexpect's stubs say otherwise
        encoding="utf-8",
        dimensions=(24, 200),
        timeout=20,
    )
    shell.sendline('eval "$(grantway completion bash)"; echo rea""dy')
    shell.expect("ready")
    shell.send(f"{typed}\t")
    shell.expect_exact(typed + then)
    shell.close(force=True)


def test_the_table_of_exit_codes_covers_every_error_there_is() -> None:
    def leaves(kind: type[Exception]) -> Iterator[type[Exception]]:
        below = [each for each in kind.__subclasses__() if each.__module__.startswith("grantway")]
        yield from (leaf for each in below for leaf in leaves(each))
        if not below:
            yield kind

    for kind in leaves(GrantwayError):
        assert failures.code_of(kind("x")) in (2, 3, 4, 5, 6, 130), kind


def test_json_errors_are_one_line() -> None:
    outcome = run("environments", "show", "nope", "--json", session=session())
    assert json.loads(outcome.stderr.strip())
    assert outcome.stderr.count("\n") == 1
