"""Reading the forms of a page, as far as somebody who fills them in without a browser must."""

from collections.abc import Mapping
from html.parser import HTMLParser

from attrs import define, field


@define
class Form:
    """A form: where it goes, what is in it already, and its buttons as names and values."""

    action: str
    fields: dict[str, str] = field(factory=dict[str, str])
    buttons: list[tuple[str, str]] = field(factory=list[tuple[str, str]])

    def values(self, name: str) -> list[str]:
        """Return the values of the buttons of that name."""
        return [value for button, value in self.buttons if button == name]

    def filled(self, **entries: str) -> dict[str, str]:
        """Return what is sent when `entries` are made."""
        return self.fields | entries


@define
class Page:
    """What a page says to who reads it: its first form, its title, and its alert or its text."""

    form: Form | None
    title: str
    text: str
    alert: str


def read_page(html: str) -> Page:
    """Read a page."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = {name: " ".join("".join(parts).split()) for name, parts in reader.text.items()}
    return Page(reader.form, text["h1"], text["p"], text["alert"])


class _Reader(HTMLParser):
    """Collects what `Page` holds. Only pages as simple as the sandbox's are read right."""

    def __init__(self) -> None:
        super().__init__()
        self.form: Form | None = None
        self.text: dict[str, list[str]] = {"h1": [], "p": [], "alert": []}
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form" and self.form is None:
            self.form = Form(facts.get("action", ""))
        if facts.get("role") == "alert":
            self._inside = "alert"
        elif tag in self.text:
            self._inside = tag
        if self.form is not None and facts.get("name"):
            self._control(self.form, tag, facts)

    def _control(self, form: Form, tag: str, facts: Mapping[str, str]) -> None:
        if tag == "input":
            form.fields[facts["name"]] = facts.get("value", "")
        elif tag == "button":
            form.buttons.append((facts["name"], facts.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag in self.text:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.text[self._inside].append(data)
