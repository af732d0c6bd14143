"""What a provider says of itself: names, parameters, abilities."""

import re

from grantway.candidate import Candidate
from grantway.parameters import Parameter
from grantway.secret import Credential, Secret
from grantway.testing.gate import needs
from grantway.testing.provider_setting import ProviderSetting

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passphrase|secret|api_key|private_key|access_token|assertion)$"
)
_SENTINEL = "sentinel-of-a-wrong-value-71f3"
_WRONG = (object(), 5.5, b"bytes", [_SENTINEL], {_SENTINEL: _SENTINEL}, "", (_SENTINEL,))


class ProviderDeclarationChecks(ProviderSetting):
    """Checks of declarations; nothing is called."""

    def test_it_declares_what_it_can_do(self) -> None:
        """The dispatcher gives more time to what is interactive, and renews what can be renewed."""
        candidate = self.candidate()
        provider, name = candidate.provider, candidate.parameter_set.name
        assert (name in provider.interactive) is self.interactive, (
            f"interactive={provider.interactive!r} of the provider and interactive = "
            f"{self.interactive} of this contract disagree about {name}."
        )
        assert (provider.renew is not None) is self.renews, (
            f"renew of the provider and renews = {self.renews} of this contract disagree."
        )
        assert provider.reads_cache is self.reads_cache, (
            f"reads_cache of the provider and reads_cache = {self.reads_cache} of this contract "
            "disagree."
        )
        assert (provider.plan is not None) is self.plans, (
            f"plan of the provider and plans = {self.plans} of this contract disagree."
        )

    def test_it_has_a_summary_for_lists(self) -> None:
        """`grantway providers` shows one line of each, and help one of each parameter set."""
        candidate = self.candidate()
        for what, summary in (
            (f"The provider {self.provider}", candidate.provider.summary),
            (f"The parameter set {candidate.label}", candidate.parameter_set.summary),
        ):
            assert summary.strip(), f"{what} has no summary."
            assert "\n" not in summary, f"The summary of {what} has several lines."

    def test_every_parameter_says_what_it_is_for(self) -> None:
        """The help is what `--help`, the reference and the error for a wrong value show."""
        for parameter in self._own():
            assert parameter.help.strip(), f"The parameter {parameter.name} has no help."
            assert "\n" not in parameter.help, f"The help of {parameter.name} has several lines."

    def test_what_holds_a_secret_is_declared_secret(self) -> None:
        """Only what is declared secret is masked, and refused in argv and in files."""
        for parameter in self._own():
            assert parameter.secret or not (_is_secret(parameter)), (
                f"The parameter {parameter.name} holds a secret. Declare it with secret=True and "
                "parse=grantway.parameters.secret."
            )

    def test_a_wrong_value_is_refused_with_a_reason(self) -> None:
        """`parse` raises ValueError for what it cannot take, and never repeats a secret."""
        for parameter in self._own():
            for value in _WRONG:
                try:
                    parameter.read(value)
                except ValueError as error:
                    assert str(error).strip(), f"{parameter.name} refuses a value without a reason."
                    assert not parameter.secret or _SENTINEL not in repr(error), (
                        f"The reason for which {parameter.name} refuses a value repeats it."
                    )
                except Exception as error:  # noqa: BLE001  # of a plugin's
                    raise AssertionError(
                        f"parse of {parameter.name} raised {type(error).__name__} for a "
                        f"{type(value).__name__}; it has to be ValueError."
                    ) from None

    @needs("not only_by_name")
    def test_its_parameter_sets_stand_in_no_way_of_a_built_in(self) -> None:
        """A third party's set that a built-in's call could match is reached by its name alone."""
        registry, mine = self.registry(), self.candidate()
        rivals = [
            each.label
            for each in registry.candidates
            if each.builtin and each.provider.name != mine.provider.name and _meet(mine, each)
        ]
        assert not rivals, (
            f"{mine.label} takes the same parameters as {', '.join(rivals)}. Require one of your "
            "own; or say only_by_name = True, and have callers give provider=."
        )

    def test_the_call_is_selected_by_its_parameters(self) -> None:
        """A caller names what they have, not who is to take it."""
        with self.stage() as stage:
            found = (
                stage.explain()
                if self.only_by_name
                else stage.dispatcher.explain(environment=self.environment, **self.parameters)
            )
            assert found.problem is None, f"{type(found.problem).__name__}: {found.problem}"
            assert found.provider.casefold() == self.provider.casefold(), (
                f"{found.provider} is selected. {found.because}"
            )

    def _own(self) -> tuple[Parameter[object], ...]:
        return self.candidate().parameter_set.own


def _meet(mine: Candidate, other: Candidate) -> bool:
    return mine.overlaps(other) if mine.builtin else mine.shadows(other)


def _is_secret(parameter: Parameter[object]) -> bool:
    for sample in (_SENTINEL, ("somebody", _SENTINEL)):
        try:
            value: object = parameter.parse(sample)
        except Exception:  # noqa: BLE001, S112  # whatever it takes, this it does not
            continue
        if isinstance(value, Secret | Credential):
            return True
    return bool(_SECRET_NAME.search(parameter.name)) and not parameter.is_flag
