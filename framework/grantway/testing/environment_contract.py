"""What an environment promises: that it is where it says, and speaks the way it says.

The authority itself is a script, so this runs anywhere. Give the metadata that the real one
publishes, and the contract says whether the environment fits it.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from grantway.context import Context
from grantway.environment import Environment, host_of
from grantway.errors import GrantwayError, UnknownEnvironment
from grantway.testing.clock import ManualClock
from grantway.testing.environments import RESOURCE, metadata_of
from grantway.testing.gate import needs
from grantway.testing.plugin_checks import PluginChecks
from grantway.testing.registries import dispatcher_of
from grantway.testing.replies import REFRESH_TOKEN, granted, json_reply
from grantway.testing.transports import ScriptedTransport

_ANYBODY = "11111111-2222-3333-4444-555555555555"
_TEMPLATES = ("token_path", "authorization_path", "device_authorization_path")


class EnvironmentContract(PluginChecks):
    """The contract of one environment.

    Attributes:
        api_version, plugin, module: see `Contract` and `PluginChecks`.
        environment: its name.
        metadata: the document that the authority publishes, as it is; None: one is made up that
            says what the environment says.
        has_metadata: whether the authority publishes any.
        answers_calls: whether a call can be made with a refresh token; False where the protocol
            has no such grant.
    """

    environment: str
    metadata: Mapping[str, Any] | None = None
    has_metadata: bool = True
    answers_calls: bool = True

    def found(self) -> Environment:
        """The environment, as the registry knows it.

        Raises:
            AssertionError: it does not.
        """
        try:
            return self.registry().environment(self.environment)
        except UnknownEnvironment as error:
            raise AssertionError(str(error)) from None

    def test_it_is_found_by_each_of_its_names(self) -> None:
        """Names are compared without regard to case, and an alias is as good as the name."""
        found, registry = self.found(), self.registry()
        for name in (found.name, *found.aliases):
            assert registry.environment(name.upper()) is found

    def test_it_has_a_summary_for_lists(self) -> None:
        """`grantway environments` shows one line of each."""
        summary = self.found().summary
        assert summary.strip(), "It has no summary."
        assert "\n" not in summary, "Its summary has several lines."

    def test_whatever_it_names_is_https(self) -> None:
        """Secrets go there. Plain http is for a literal loopback address, and is said aloud."""
        found = self.found()
        for url in (found.authority, *_addresses(found)):
            try:
                found.check_scheme(url)
            except ValueError as error:
                raise AssertionError(str(error)) from None

    def test_its_endpoints_are_on_hosts_that_it_names(self) -> None:
        """Nothing is sent to a host that the environment does not name, to the letter."""
        found = self.found()
        for url in _addresses(found):
            host = host_of(url)
            assert found.names(host), f"Add the host of {url} to hosts: {host}"

    def test_its_resources_are_what_a_token_can_be_for(self) -> None:
        """A short name stands for a URI or a GUID; the word for one thing is no other's."""
        found = self.found()
        names = [name.casefold() for name in found.resources]
        assert len(set(names)) == len(names), "Two resources differ in case alone."
        for name, uri in found.resources.items():
            try:
                found.resource(uri)
            except ValueError as error:
                raise AssertionError(f"The resource {name}: {error}") from None
            if uri.startswith("http:"):
                # An identifier, but one that a token is sent to.
                try:
                    found.check_scheme(uri)
                except ValueError as error:
                    raise AssertionError(f"The resource {name}: {error}") from None

    def test_what_it_trusts_is_there(self) -> None:
        """A bundle that is missing is found out here, not at the first call of a user."""
        trust = self.found().trust
        for path in filter(None, (trust.ca_bundle, *(trust.client_certificate or ()))):
            assert Path(path).is_file(), f"trust names a file that is not there: {path}"

    @needs("has_metadata")
    def test_its_metadata_is_its_own(self) -> None:
        """The issuer is the one that is configured, and each endpoint is on a host it names."""
        from grantway.oauth.metadata import check_challenge_methods, endpoint, metadata

        found = self._reachable()
        context = Context.lasting(60, found, self._authority(found), ManualClock())
        try:
            document = metadata(found, context)
            check_challenge_methods(document, found)
            for name in document:
                if name.endswith("_endpoint") or name == "jwks_uri":
                    endpoint(document, name, found)
        except GrantwayError as error:
            raise AssertionError(str(error)) from None

    @needs("answers_calls")
    def test_a_call_goes_through(self) -> None:
        """It speaks its protocol: a refresh token is redeemed at its token endpoint."""
        with self._call() as transport:
            (sent,) = transport.requests("token")
            assert sent.method == "POST"

    @needs("answers_calls")
    def test_each_resource_can_be_asked_for(self) -> None:
        """What a resource's name stands for is what the authority is told."""
        found = self.found()
        if found.protocol.audience == "fixed":
            assert not found.resources, (
                f"The protocol {found.protocol.name} has no place for a resource, so name none."
            )
        for name, uri in found.resources.items():
            with self._call(name) as transport:
                (sent,) = transport.requests("token")
                told = " ".join(value for _, value in sent.fields)
                assert found.resource(uri) in told, f"{name} is not asked for as {uri}: {told}"

    @contextmanager
    def _call(self, resource: str = "") -> Generator[ScriptedTransport, None, None]:
        found = self._reachable()
        transport = self._authority(found)
        given: dict[str, Any] = {
            "environment": found,
            "application_id": _ANYBODY,
            "refresh_token": REFRESH_TOKEN,
        }
        if found.protocol.audience in ("scope", "resource") and not found.default_resource:
            given["resource"] = RESOURCE
        if resource:
            given["resource"] = resource
        with dispatcher_of(
            registry=self.registry(), transport=transport, clock=ManualClock()
        ) as dispatcher:
            try:
                dispatcher.acquire(**given)
            except GrantwayError as error:
                raise AssertionError(f"{type(error).__name__}: {error}") from None
            yield transport

    def _authority(self, found: Environment) -> ScriptedTransport:
        document = self.metadata if self.metadata is not None else metadata_of(found)
        return ScriptedTransport(at={"token": granted(), "metadata": json_reply(document)})

    def _reachable(self) -> Environment:
        """The environment, as it would be while it can be used."""
        return attrs.evolve(self.found(), unavailable="")


def _addresses(environment: Environment) -> Iterator[str]:
    """The addresses that an environment's protocol leads to."""
    protocol = environment.protocol
    tenant = environment.tenant or protocol.default_tenant
    paths = (getattr(protocol, name) for name in _TEMPLATES)
    for template in (*filter(None, paths), *protocol.metadata_urls):
        yield environment.expand(template, tenant=tenant)
