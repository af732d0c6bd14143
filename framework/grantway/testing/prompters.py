"""A person who says what a test has written down."""

from collections.abc import Callable

from grantway.errors import InteractionRequired


class ScriptedPrompter:
    """A `Prompter` that answers from a list, and remembers all that it was asked and shown.

    Args:
        answers: what is answered to each question, in order; then nobody is there any more.
        browser: called with each address that is to be opened; whether it could be. Give one that
            goes there to have a person sign in. None: there is no browser.

    Attributes:
        asked: each question, and whether its answer was to be secret.
        shown: each text.
        opened: each address.
    """

    def __init__(self, *answers: str, browser: Callable[[str], bool] | None = None) -> None:
        self._answers = list(answers)
        self._browser = browser
        self.asked: list[tuple[str, bool]] = []
        self.shown: list[str] = []
        self.opened: list[str] = []

    def __repr__(self) -> str:
        return f"<ScriptedPrompter with {len(self._answers)} answers left>"

    @property
    def was_needed(self) -> bool:
        """Whether anything was asked of the person."""
        return bool(self.asked or self.shown or self.opened)

    def ask(self, question: str, *, secret: bool = False) -> str:
        """Give the next answer.

        Raises:
            InteractionRequired: there is none left.
        """
        self.asked.append((question, secret))
        if not self._answers:
            raise InteractionRequired(
                f"No answer is scripted to: {question}",
                remedy="Give the ScriptedPrompter one more answer.",
            )
        return self._answers.pop(0)

    def show(self, text: str) -> None:
        """Remember the text."""
        self.shown.append(text)

    def open(self, url: str) -> bool:
        """Have the browser go there, if there is one."""
        self.opened.append(url)
        return self._browser is not None and self._browser(url)
