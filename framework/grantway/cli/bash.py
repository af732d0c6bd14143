"""Completion for bash, which breaks words at `:` and `=`: plugins and references have both.

click takes the words as bash has broken them. Here the line itself is taken up to the cursor, and
of each completion that part is left out which stands before the piece that bash would replace.
"""

import os

from click.shell_completion import BashComplete, add_completion_class, split_arg_string


class WholeWords(BashComplete):
    """click's completion for bash, with the words of the line."""

    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' line=${COMP_LINE:0:COMP_POINT} piece=${COMP_WORDS[COMP_CWORD]}
    local word=${line##*[[:space:]]} completion kind value
    [[ $piece == [:=] ]] && piece=
    local before=${word%%"$piece"}
    for completion in $(env COMP_LINE="$line" %(complete_var)s=bash_complete $1); do
        kind=${completion%%%%,*} value=${completion#*,}
        case $kind in
            dir) COMPREPLY=(); compopt -o dirnames ;;
            file) COMPREPLY=(); compopt -o default ;;
            open) COMPREPLY+=("${value#"$before"}"); compopt -o nospace ;;
            *) COMPREPLY+=("${value#"$before"}") ;;
        esac
    done
    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one at the cursor, and that one."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words[1:], incomplete


def install() -> None:
    """Have it take the place of click's own."""
    add_completion_class(WholeWords, "bash")
