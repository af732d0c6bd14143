"""The same token by different clients: grantway, MSAL, bare requests-oauthlib, bare urllib3.

All speak TLS to the same server, trust the same CA, and send client id and secret in the form.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msal
import urllib3
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

from grantway import Credential, Environment, Trust
from grantway_clouds.protocols import ENTRA_V2
from servers.json_authority import JsonAuthority

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
SECRET = "a secret of the usual length, 40 letters"
CREDENTIAL = Credential(CLIENT_ID, SECRET)
RESOURCE = "https://graph.example"
SCOPE = f"{RESOURCE}/.default"
TENANT = "contoso.example"


@dataclass(frozen=True)
class Place:
    """A token server, and whom to trust there."""

    authority: JsonAuthority
    bundle: Path

    def token_path(self, tenant: str = TENANT) -> str:
        return f"/{tenant}/oauth2/v2.0/token"

    def environment(self) -> Environment:
        """The server as an environment whose endpoints are known without metadata."""
        return Environment(
            "Benchmark",
            authority=self.authority.url,
            protocol=ENTRA_V2,
            default_resource=RESOURCE,
            trust=Trust(ca_bundle=str(self.bundle)),
        )

    def msal(self) -> msal.ConfidentialClientApplication:
        """MSAL, which is told not to ask the global cloud about an authority it does not know."""
        return msal.ConfidentialClientApplication(
            CLIENT_ID,
            client_credential=SECRET,
            authority=f"{self.authority.url}/{TENANT}",
            instance_discovery=False,
            verify=str(self.bundle),
        )

    def requests_oauthlib(self) -> Callable[..., str]:
        """One session of requests-oauthlib, kept open; returns what fetches a token with it."""
        session = OAuth2Session(client=BackendApplicationClient(CLIENT_ID, scope=[SCOPE]))
        session.verify = str(self.bundle)

        def token(tenant: str = TENANT) -> str:
            answer = session.fetch_token(
                self.authority.url + self.token_path(tenant),
                client_id=CLIENT_ID,
                client_secret=SECRET,
                include_client_id=True,
            )
            return str(answer["access_token"])

        return token

    def urllib3(self, connections: int) -> Callable[..., str]:
        """A pool of urllib3; returns what fetches a token with it."""
        pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            self.authority.port,
            maxsize=connections,
            ca_certs=str(self.bundle),
            retries=False,
        )
        form = {
            "grant_type": "client_credentials",
            "scope": SCOPE,
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
        }

        def token(tenant: str = TENANT) -> str:
            answer = pool.request(
                "POST", self.token_path(tenant), fields=form, encode_multipart=False
            )
            assert answer.status == 200
            return str(answer.json()["access_token"])

        return token
