"""`grantway completion`: the script with which a shell completes commands, options and names.

The script asks `grantway` itself at each Tab, so it stays true when plugins come and go.
"""

import click

from grantway.cli import output
from grantway.cli.command import Command

_COMPLETE = "_GRANTWAY_COMPLETE"
_HOW = {
    "bash": """\
# Completion of grantway for bash (4.4 or later). To have it in every new shell:
#     grantway completion bash > ~/.local/share/bash-completion/completions/grantway
# (mkdir -p that folder before; it needs the package bash-completion), or without that package:
#     echo 'eval "$(grantway completion bash)"' >> ~/.bashrc
""",
    "zsh": """\
# Completion of grantway for zsh. To have it in every new shell:
#     echo 'eval "$(grantway completion zsh)"' >> ~/.zshrc
# (after compinit there), or as the file _grantway in a folder of $fpath.
""",
    "fish": """\
# Completion of grantway for fish. To have it in every new shell:
#     grantway completion fish > ~/.config/fish/completions/grantway.fish
""",
}


@click.command(
    "completion",
    cls=Command,
    examples=(
        ("In this shell, at once", 'eval "$(grantway completion bash)"'),
        ("For good", "grantway completion fish > ~/.config/fish/completions/grantway.fish"),
    ),
)
@click.argument("shell", type=click.Choice(sorted(_HOW)))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes grantway in a shell.

    Its first lines say how to install it. Commands, options, and the names of environments,
    profiles, providers and plugins are completed.
    """
    from click.shell_completion import get_completion_class

    from grantway.cli.bash import install

    install()
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101  # click has these three
    completion = kind(context.find_root().command, {}, "grantway", _COMPLETE)
    # Not `source()`: for bash that starts a bash to ask its version.
    script = (completion.source_template % completion.source_vars()).strip()
    first, newline, rest = script.partition("\n")
    if first.startswith("#compdef"):
        # zsh looks for it in the first line.
        output.write(f"{first}\n{_HOW[shell]}{newline}{rest}")
    else:
        output.write(f"{_HOW[shell]}\n{script}")
