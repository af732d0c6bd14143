"""How `grantway sandbox demo` is told: step by step as it happens, or as one JSON object.

For a person, most of an outcome stands in two columns, which get as narrow as the terminal is.
"""

import json
import time
from collections.abc import Iterable, Iterator
from typing import cast

from grantway_sandbox.demo_run import Demo, Outcome
from grantway_sandbox.paper import paint, pairs, paragraph, printable, write

# The claims that tell something without a specification at hand, in an order to be read in.
_TELLING = (
    "iss", "aud", "exp", "tid", "azp", "appid", "oid", "name", "preferred_username", "upn",
    "idtyp", "roles", "scp", "amr", "ver",
)  # fmt: skip
_STATUS = {True: ("a token", "green"), False: ("failed", "red")}


def tell_in_json() -> bool:
    """Run the demo and write one JSON object; returns whether all is as it should be."""
    with Demo() as demo:
        outcomes = list(demo.outcomes())
        good = all(outcome.good for outcome in outcomes)
        facts = {"url": demo.url, "ok": good, "steps": [each.as_dict() for each in outcomes]}
    write(json.dumps(facts, indent=2))
    return good


def tell() -> bool:
    """Run the demo and tell it as it goes; returns whether all is as it should be."""
    outcomes: list[Outcome] = []
    with Demo() as demo:
        write(paint("A token in every way there is", "bold"))
        write()
        write(
            paragraph(
                f"A local authority is running at {demo.url}, shaped like Microsoft Entra, for "
                "this demo only. All of the following goes there, over real HTTP; nothing "
                "leaves this machine, and no secret is shown."
            )
        )
        for outcome in demo.outcomes():
            outcomes.append(outcome)
            write()
            write(_step(len(outcomes), outcome))
    write()
    write(_summary(outcomes))
    return all(outcome.good for outcome in outcomes)


def _step(number: int, outcome: Outcome) -> str:
    lines = [paint(f"{number}. {outcome.recipe.title}", "bold")]
    if outcome.summary:
        lines.append(paragraph(outcome.summary, 3))
    for name, body in _sections(outcome):
        lines += [paint(paragraph(name, 3), "dim"), body]
    return "\n".join(lines)


def _sections(outcome: Outcome) -> Iterator[tuple[str, str]]:
    explanation = outcome.explanation
    yield "Given", _pairs((name, explanation.values.get(name, "")) for name in outcome.given)
    if explanation.provider:
        yield (
            "Chosen",
            _pairs([("provider", explanation.provider), ("because", explanation.because)]),
        )
    for each in outcome.sent:
        request = each.request
        times = f" ({each.times} times)" if each.times > 1 else ""
        lines = [_pairs([(request.method, f"{request.url}{times}")]), _pairs(request.fields, 7)]
        lines += [_fault(difference) for difference in each.differences]
        if each.differences:
            yield "Explained, but not sent so", "\n".join(lines)
        else:
            yield "As sent (what arrived is what was explained)", "\n".join(lines)
    if outcome.asked:
        yield "Read besides: where to ask, and keys to check who signed in", _lines(outcome.asked)
    if outcome.answer is not None:
        yield "Answer", _pairs(_answer(outcome))
    if outcome.claims:
        yield "Claims of the token (signature checked)", _pairs(_claims(outcome))
    if outcome.again is not None:
        took = f"the same token, in {outcome.again:.2f} ms; nothing was sent"
        yield "The same call again", paragraph(took, 5)
    if outcome.api:
        yield (
            "An API call with the token",
            _pairs([("GET", outcome.api), ("with", "auth=source.auth()"), ("got", _got(outcome))]),
        )
    if outcome.faults:
        yield "Failed", "\n".join(_fault(fault) for fault in outcome.faults)


def _answer(outcome: Outcome) -> Iterator[tuple[str, str]]:
    answer = outcome.answer
    if answer is None:
        return
    minutes = answer.lifetime // 60
    took = f"in {answer.milliseconds:.0f} ms"
    yield "token", f"{answer.token_type}, good for {minutes} minutes, {took}"
    if answer.scopes:
        yield "scopes", " ".join(answer.scopes)
    if answer.account:
        yield "account", answer.account
    if answer.methods:
        yield "signed in", f"with {', '.join(answer.methods)}"
    if answer.refresh_token:
        yield "refresh", "a refresh token came too, and was kept"


def _claims(outcome: Outcome) -> Iterator[tuple[str, str]]:
    for name in _TELLING:
        value = outcome.claims.get(name)
        if isinstance(value, list):
            yield name, " ".join(str(each) for each in cast("list[object]", value))
        elif name == "exp" and isinstance(value, int):
            yield name, f"{value} ({time.strftime('%H:%M:%S UTC', time.gmtime(value))})"
        elif value is not None:
            yield name, str(value)


def _got(outcome: Outcome) -> str:
    name = outcome.claims.get("preferred_username") or outcome.claims.get("azp") or ""
    return f"{outcome.api_status}, {f'as {name}' if outcome.api_status == 200 else 'refused'}"


def _summary(outcomes: list[Outcome]) -> str:
    lines = [paint("Summary", "bold")]
    column = max((len(outcome.recipe.title) for outcome in outcomes), default=0)
    for outcome in outcomes:
        words, style = _STATUS[outcome.good]
        lines.append(f"  {outcome.recipe.title:<{column}}  {paint(words, style)}")
    if any(not outcome.good for outcome in outcomes):
        lines += ["", paragraph("Something failed that should have worked; see above.")]
    else:
        lines += [
            "",
            "Next, with an authority that stays:",
            "  grantway sandbox run",
        ]
    return "\n".join(lines)


def _pairs(rows: Iterable[tuple[str, str]], indent: int = 5) -> str:
    return pairs(rows, indent=indent)


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(paragraph(f"GET {printable(text)}", 5) for text in texts)


def _fault(text: str) -> str:
    return paint(paragraph(printable(text), 5), "red")
