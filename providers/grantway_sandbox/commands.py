"""`grantway sandbox`: the two commands, without what they do."""

import sys

import click

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_JSON = "Answer in JSON; errors in JSON too."


@click.group("sandbox", context_settings=_SETTINGS)
def sandbox() -> None:
    """Try grantway out with a local authority.

    An authority shaped like Microsoft Entra, on a loopback address of this machine. What it
    issues is good for nothing but itself. It needs the extra: pip install 'grantway[sandbox]'
    """


@sandbox.command("run")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="The port to listen on.  [default: a free one]",
)
@click.option("--tls", is_flag=True, help="Serve https, under a CA made for this run.")
@click.option("--auto-approve", is_flag=True, help="Sign people in without asking anybody.")
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def run(port: int, tls: bool, auto_approve: bool, as_json: bool) -> None:
    """Run the local authority until Ctrl-C.

    Says how to use it, then shows each request as it comes (on standard error, secrets masked).
    The environment `Sandbox` of this user's other processes finds it. The application's secret,
    the user's password and a refresh token are put into files that only this user can read, and
    removed at the end.
    """
    from grantway_sandbox.running import run_until_stopped

    run_until_stopped(port=port, tls=tls, auto_approve=auto_approve, as_json=as_json)


@sandbox.command("demo")
@click.option("--json", "as_json", is_flag=True, help=_JSON)
@click.pass_context
def demo(context: click.Context, /, as_json: bool) -> None:
    """Get a token in every way there is, and show how.

    Starts a local authority of its own, gets a token from it with each parameter set, over real
    HTTP, and shows what was chosen and why, what was sent (secrets masked), and what came back.
    Takes a few seconds and leaves nothing behind. Exits with 1 if anything fails.
    """
    from grantway_sandbox.demo_text import tell, tell_in_json

    if not (tell_in_json() if as_json else tell()):
        sys.stdout.flush()
        context.exit(1)
