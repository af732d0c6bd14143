"""What a vault promises: to give a secret, to keep one where it can, and to show none."""

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from grantway.context import Context
from grantway.errors import GrantwayError, InteractionRequired, VaultError
from grantway.offerings import Vault
from grantway.secret import Reference, Secret
from grantway.testing.clock import ManualClock
from grantway.testing.environments import scripted_environment
from grantway.testing.gate import needs
from grantway.testing.hearing import hearing
from grantway.testing.leaks import assert_unseen, pickle_of, texts_of, traceback_of
from grantway.testing.patience import PATIENCE, outcomes, within
from grantway.testing.plugin_checks import PluginChecks
from grantway.testing.prompters import ScriptedPrompter
from grantway.testing.transports import ScriptedTransport

SECRET = "sentinel-secret-of-a-vault-c4e8"  # noqa: S105  # made up, to be looked for
_AT_ONCE = 1.0
_ODD = ("ünï-cödé sécret", "x" * 1500, "two\nlines", " spaces around ", "a=b;c:d,e/f\\g\"h'i")


class VaultContract(PluginChecks):
    """The contract of one vault.

    Override the fixture `kept`: put `SECRET` into the vault as its users do, and return the name
    under which it is found. For a vault that can be written to, returning any name that is free
    will do: the contract puts the secret there.

    Attributes:
        api_version, plugin, module: see `Contract` and `PluginChecks`.
        scheme: its scheme.
        writable: it has `put`.
        interactive: it asks a person for the secret.
        has_names: there can be a name under which it has nothing.
        unknown_name: such a name.
        unwritable_name: a name under which `put` fails; "": there is none.
        patience: seconds of real time after which it is taken to hang.
    """

    scheme: str
    writable: bool = False
    interactive: bool = False
    has_names: bool = True
    unknown_name: str = "grantway-testing-no-such-name"
    unwritable_name: str = ""
    patience: float = PATIENCE

    @pytest.fixture
    def kept(self) -> str:
        """The name under which `SECRET` is kept, or for a writable vault a name that is free."""
        raise NotImplementedError("Override the fixture `kept`.")

    def vault(self) -> Vault:
        """The vault, as the registry knows it.

        Raises:
            AssertionError: it does not.
        """
        found = self.registry().vaults.get(self.scheme.casefold())
        assert found is not None, f"No vault has the scheme {self.scheme!r}."
        return found

    def context(self, *, someone: bool = True) -> Context:
        """What the vault is called with: nobody but a person who answers `SECRET`, no network."""
        return Context.lasting(
            60,
            scripted_environment(),
            ScriptedTransport(),
            ManualClock(),
            prompter=ScriptedPrompter(*[SECRET] * 50) if someone else None,
        )

    def test_it_declares_what_it_can_do(self) -> None:
        """Where a refresh token may be saved is known before one is fetched."""
        vault = self.vault()
        assert (vault.put is not None) is self.writable, (
            f"put of the vault and writable = {self.writable} of this contract disagree."
        )

    def test_it_has_a_summary_for_lists(self) -> None:
        """It says in a line how a reference is written."""
        summary = self.vault().summary
        assert summary.strip(), "It has no summary."
        assert "\n" not in summary, "Its summary has several lines."

    def test_a_reference_can_begin_with_its_scheme(self, kept: str) -> None:
        """Its users write SCHEME:NAME, and it is asked for what follows the colon."""
        text = self.scheme if self.scheme == "-" else f"{self.scheme}:{kept}"
        reference = Reference(text)
        assert reference.scheme == self.scheme.casefold()
        assert reference.name == kept

    def test_what_is_kept_is_found(self, kept: str) -> None:
        """A Secret and nothing else: a str would show itself in a traceback."""
        found = self._get(kept)
        assert type(found) is Secret, f"get returned a {type(found).__name__}, not a Secret."
        assert found == Secret(SECRET), "get returned another text than the one that is kept."

    def test_a_crowd_finds_the_same(self, kept: str) -> None:
        """It is called from many threads at once."""
        self._get(kept)
        vault = self.vault()
        context = self.context()
        found = outcomes([lambda: vault.get(kept, context)] * 8, self.patience)
        assert set(found) == {Secret(SECRET)}

    @needs("not interactive")
    def test_nobody_is_asked(self, kept: str) -> None:
        """It serves where nobody is."""
        context = self.context()
        self._get(kept, context)
        prompter = context.prompter
        assert isinstance(prompter, ScriptedPrompter)
        assert not prompter.was_needed, "A person was asked, shown or sent something."

    @needs("interactive")
    def test_a_person_is_asked_without_echo_or_the_lack_of_one_is_said(self, kept: str) -> None:
        """What is typed is a secret; and a job at night must not wait for somebody to type it."""
        context = self.context()
        self._get(kept, context)
        prompter = context.prompter
        assert isinstance(prompter, ScriptedPrompter)
        assert prompter.asked, "Nobody was asked."
        assert all(secret for _, secret in prompter.asked), "The answer would be echoed."
        with pytest.raises(InteractionRequired):
            self._get(kept, self.context(someone=False))

    @needs("has_names")
    def test_a_name_that_it_does_not_know_is_a_vault_error(self) -> None:
        """With what to do about it; a KeyError of its own would be called the plugin's fault."""
        error = self._failure(lambda: self.vault().get(self.unknown_name, self.context()))
        assert isinstance(error, VaultError), f"{type(error).__name__} is no VaultError."
        assert error.scheme == self.scheme, f"scheme of the error is {error.scheme!r}."
        assert error.remedy.strip(), "The error says nothing of what to do."

    @needs("writable")
    def test_what_is_put_is_found(self, kept: str) -> None:
        """Each text that a secret may be, to the letter; a new one takes the old one's place."""
        for text in (*_ODD, SECRET):
            self._put(kept, text)
            assert self._get(kept, put=False) == Secret(text), (
                f"A secret of {len(text)} characters did not come back as it was put."
            )

    @needs("writable")
    def test_it_says_beforehand_that_it_can_be_written_to(self, kept: str) -> None:
        """`check` runs before any network, so that no token is fetched that has no place."""
        check = self.vault().check
        if check is not None:
            check(kept)
            if self.unwritable_name:
                error = self._failure(lambda: check(self.unwritable_name))
                assert isinstance(error, VaultError), f"{type(error).__name__} is no VaultError."

    @needs("writable", "unwritable_name")
    def test_what_cannot_be_kept_is_a_vault_error_and_stays_unseen(self) -> None:
        """The secret is in hand when that is found out, and in no error, traceback or pickle."""
        error = self._failure(lambda: self._put(self.unwritable_name, SECRET))
        assert isinstance(error, VaultError), f"{type(error).__name__} is no VaultError."
        _assert_shows_nothing(error)

    @needs("has_names")
    def test_the_error_for_a_name_that_it_does_not_know_shows_no_secret(self, kept: str) -> None:
        """Who misspells a name learns nothing of what lies under others."""
        self._get(kept)
        _assert_shows_nothing(
            self._failure(lambda: self.vault().get(self.unknown_name, self.context()))
        )

    def test_it_waits_no_longer_than_its_caller(self, kept: str) -> None:
        """By the clock of the context nobody waits when the time is up, or everybody has gone."""
        self._get(kept)
        for is_gone in (False, True):
            context = self.context()
            if is_gone:
                context.cancelled.set()
            else:
                context.clock.wait(threading.Event(), context.timeout)
            began = context.clock.monotonic()
            with suppress(GrantwayError):
                self._get(kept, context, put=False)
            passed = context.clock.monotonic() - began
            assert passed <= _AT_ONCE, (
                f"It waited {passed:g} s for a caller "
                f"{'who had gone' if is_gone else 'whose time was up'}. Wait by context.sleep."
            )

    def test_nothing_that_is_said_shows_the_secret(self, kept: str) -> None:
        """Logs, terminals and questions are others' to read."""
        with hearing() as heard:
            context = self.context()
            found = self._get(kept, context)
            # What it raises is another check's affair.
            with suppress(Exception):
                if self.has_names:
                    self._get(self.unknown_name, put=False)
            with suppress(Exception):
                if self.writable and self.unwritable_name:
                    self._put(self.unwritable_name, SECRET)
        prompter = context.prompter
        assert isinstance(prompter, ScriptedPrompter)
        heard.assert_unseen([SECRET])
        assert_unseen([SECRET], "A question", prompter.asked, prompter.shown, prompter.opened)
        assert_unseen([SECRET], "What was found", repr(found), repr(self.vault()))

    def _get(self, name: str, context: Context | None = None, *, put: bool = True) -> Secret:
        if self.writable and put:
            self._put(name, SECRET)
        with_what, vault = context or self.context(), self.vault()
        return within(lambda: vault.get(name, with_what), self.patience)

    def _put(self, name: str, text: str) -> None:
        put, context = self.vault().put, self.context()
        assert put is not None, "The vault has no put."
        within(lambda: put(name, Secret(text), context), self.patience)

    def _failure(self, call: Callable[[], object]) -> GrantwayError:
        try:
            within(call, self.patience)
        except GrantwayError as error:
            return error
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(
                f"{type(error).__name__} is no GrantwayError. Raise VaultError with a remedy."
            ) from error
        raise AssertionError("It came back, and should have failed.")


def _assert_shows_nothing(error: GrantwayError) -> None:
    for what, text in (
        ("The error", "\n".join(texts_of(error))),
        ("Its traceback", traceback_of(error)),
        ("Its pickle", pickle_of(error)),
    ):
        assert_unseen([SECRET], what, text)
