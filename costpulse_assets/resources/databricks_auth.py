"""Sign-in of a service principal (OAuth M2M): a client-credentials call to the workspace's own token endpoint.

The connector's own `oauth_client_id` and `oauth_client_secret` would start a browser login on this path.
"""

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from http.client import HTTPException

from costpulse_assets.errors import SourceCredentials, WarehouseUnusable
from costpulse_assets.resources.databricks_errors import of_status, redact, unreachable
from costpulse_assets.settings import Connection

_TIMEOUT_SECONDS = 30.0
_HOST = "Check that COSTPULSE_DATABRICKS_HOST is the host of a Databricks workspace."


class ServicePrincipal:
    """A credentials provider in the connector's shape: calling it gives a function that gives headers.

    The connector keeps a token until shortly before it expires, so this class does not.
    """

    def __init__(self, connection: Connection) -> None:
        if connection.client_id is None or connection.client_secret is None:
            raise ValueError("a service principal needs client id and client secret")
        self._host = connection.host
        self._url = f"https://{connection.host}:{connection.port}/oidc/v1/token"
        login = f"{connection.client_id}:{connection.client_secret.get_secret_value()}"
        self._secret = connection.client_secret.get_secret_value()
        self._basic = b64encode(login.encode()).decode()
        self._ca_file = connection.ca_file
        #: The last token received: needed to keep it out of messages.
        self.token = ""

    def __call__(self) -> Callable[[], dict[str, str]]:
        """What the connector calls once per connection."""
        return self.headers

    def headers(self) -> dict[str, str]:
        """Sign in and give the header for the next requests.

        Raises:
            SourceError: the principal was refused, or the endpoint did not answer.
        """
        request = urllib.request.Request(  # noqa: S310 -- the scheme is https, written above
            self._url,
            data=urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "all-apis"}).encode(),
            headers={
                "Authorization": f"Basic {self._basic}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
            opener = urllib.request.build_opener(_NoRedirects, urllib.request.HTTPSHandler(context=context))
            with opener.open(request, timeout=_TIMEOUT_SECONDS) as reply:
                self.token = str(json.load(reply)["access_token"])
        except urllib.error.HTTPError as error:
            with error:
                reason = redact(error.read(2_000).decode(errors="replace"), (self._secret, self._basic))
            if error.code < 400 or error.code == 404:
                raise WarehouseUnusable(
                    f"{self._host} has no sign-in for service principals (HTTP {error.code}).", next_step=_HOST
                ) from None
            # OAuth answers an unknown client with 400 or 401; both mean the same here.
            status = 401 if error.code == 400 else error.code
            raise of_status(status, reason, host=f"The sign-in of {self._host}") from None
        except (OSError, HTTPException) as error:
            reason_of = getattr(error, "reason", error)
            raise unreachable(reason_of if isinstance(reason_of, BaseException) else error, host=self._host) from None
        except (ValueError, LookupError, TypeError):
            raise SourceCredentials(
                f"The sign-in of {self._host} answered without a token.",
                next_step=_HOST,
            ) from None
        return {"Authorization": f"Bearer {self.token}"}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the secret to wherever the reply points."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow nothing: the redirect becomes an HTTPError."""
