"""Every environment by its names: what plugins bring, and what files describe beside them.

A name of a built-in environment is reserved. A third party's may be taken by the configuration,
which is the user's own word: that is shadowing, and is shown. A project's file, which whoever made
the project wrote, takes no name that anybody has. What is described wrongly is a fault under its
name; the others do not notice.
"""

from collections.abc import Collection, Iterable, Sequence

from grantway.config import Configuration
from grantway.document import Document, Keys, Table
from grantway.environment import Environment
from grantway.errors import GrantwayError, UnknownEnvironment
from grantway.plugins import Plugin
from grantway.protocol import Protocol
from grantway.suggest import did_you_mean, nearest


class Environments:
    """The environments of active plugins and of a configuration.

    Attributes:
        all: each of them, those of the configuration last.
        faults: by case-folded name what is wrong with one that a file describes.
        shadowed: by case-folded name a plugin's environment whose name a configured one has taken.

    Args:
        active: the plugins in use.
        configuration: what files describe.
        protocols: dialects that may be named beside those of the plugins' environments.
    """

    def __init__(
        self,
        active: Sequence[Plugin],
        configuration: Configuration,
        protocols: Iterable[Protocol],
    ) -> None:
        self.faults: dict[str, GrantwayError] = {}
        self.shadowed: dict[str, Environment] = {}
        self._by_name = by_name = {
            name.casefold(): environment
            for plugin in active
            for environment in plugin.environments
            for name in (environment.name, *environment.aliases)
        }
        builtin = [each for plugin in active if plugin.builtin for each in plugin.environments]
        self._protocols = tuple(protocols)
        reserved = {name.casefold() for each in builtin for name in (each.name, *each.aliases)}
        self._add(configuration, reserved, "a built-in's name")
        if configuration.project is not None:
            # Nothing that a project says can take the place of anything else, even if that is
            # faulty.
            known = by_name.keys() | {each.casefold() for each in configuration.environments}
            self._add(configuration.project, known, "a name that is taken")
        self._spellings = {
            name: None for each in by_name.values() for name in (each.name, *each.aliases)
        }
        self.all = tuple(dict.fromkeys(by_name.values()))
        self._default = next((each for each in builtin if each.default), None)

    def named(self, name: str | None = None) -> Environment:
        """The environment of that name or alias; None: the one for calls that name none.

        Raises:
            UnknownEnvironment: there is none; the nearest names are offered.
        """
        found = self._by_name.get(name.casefold()) if name else self._default
        if found is None:
            fault = self.faults.get((name or "").casefold())
            if fault is not None:
                # It is raised again for each call, and should not collect their tracebacks.
                raise fault.with_traceback(None)
            known = [each.name for each in self.all]
            shown = repr(name) if name else "the default"
            raise UnknownEnvironment(
                f"There is no environment {shown}.",
                remedy=did_you_mean(name or "", self._spellings)
                or f"There are: {', '.join(known) or 'none'}.",
                name=name or "",
                nearest=nearest(name or "", self._spellings),
            )
        return found

    def describe(
        self, document: Document, name: str, table: Table, at: Keys | None = None
    ) -> Environment:
        """The environment that a table of configuration would be, with what is known here.

        Raises:
            ConfigurationError: see `grantway.described.environment_from`.
        """
        from grantway.described import environment_from

        return environment_from(document, name, table, self._by_name, self._protocols, at=at)

    def _add(
        self,
        configuration: Configuration,
        reserved: Collection[str],
        whose: str,
    ) -> None:
        """Add the environments that a file describes; faulty ones are put down as faults."""
        if not configuration.environments:
            return
        # Imported here: most describe none.
        from grantway.described import environment_from, in_order

        document, by_name = configuration.document, self._by_name
        described: dict[str, str] = {}
        for name in in_order(configuration.environments):
            try:
                environment = environment_from(
                    document,
                    name,
                    configuration.environments[name],
                    by_name,
                    self._protocols,
                )
                names = {each.casefold() for each in (environment.name, *environment.aliases)}
                if taken := sorted(names.intersection(reserved)):
                    document.fail(
                        f"the environment {name!r} takes {whose}: {', '.join(taken)}",
                        "Give it another name; `like` takes over another's values.",
                        at=("environments", name),
                    )
                if taken := sorted(names & described.keys()):
                    document.fail(
                        f"the environment {name!r} takes a name of {described[taken[0]]!r}: "
                        f"{', '.join(taken)}",
                        "Names are compared without regard to case; give it another one.",
                        at=("environments", name),
                    )
                self.shadowed |= {each: by_name[each] for each in names & by_name.keys()}
                described |= dict.fromkeys(names, name)
                by_name.update(dict.fromkeys(names, environment))
            except GrantwayError as error:
                # Without its frames, which hold the values of the file.
                error.__context__ = None
                self.faults.setdefault(name.casefold(), error.with_traceback(None))
