"""What a credential provider promises.

Each call is made through a real dispatcher, on a stage where the network, the time and the people
are a script: so what is tested is what callers get, registry, cache and masking included.
"""

from grantway.testing.provider_declaration_checks import ProviderDeclarationChecks
from grantway.testing.provider_failure_checks import ProviderFailureChecks
from grantway.testing.provider_flow_checks import ProviderFlowChecks
from grantway.testing.provider_secrecy_checks import ProviderSecrecyChecks


class ProviderContract(
    ProviderDeclarationChecks,
    ProviderFlowChecks,
    ProviderFailureChecks,
    ProviderSecrecyChecks,
):
    """The contract of one parameter set of a provider; subclass it for each.

    Attributes:
        api_version, plugin, module: see `Contract` and `PluginChecks`.
        provider: its name.
        parameter_set: the name of the parameter set, where the provider has several.
        parameters: what a call gives that goes well. Literal secrets among them are looked for
            in all that is shown, so make them long and unlike anything else.
        secrets: further secrets to look for, such as what is in a file that a parameter names.
        environment: where the call is made; by default one that is nowhere, with fixed endpoints.
        endpoint: the name of the endpoint whose failures fail the call.
        asks_authority: it sends requests; False for one that finds its tokens on this machine.
        interactive: the parameter set needs a person.
        renews: the provider has `renew`, and `answers` bring a refresh token.
        reads_cache, plans: as the provider declares by `reads_cache` and `plan`.
        only_by_name: the parameter set can be reached by `provider=` alone, and that is meant so.
        new_each_time: fields of a form whose value no plan can know, such as a nonce.
        patience: seconds of real time after which a call is taken to hang.

    Override `answers` for an authority that answers otherwise than with a token and metadata, and
    `person` for somebody who has a browser or knows an answer.
    """
