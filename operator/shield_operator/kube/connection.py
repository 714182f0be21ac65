"""Where the API server is and who the operator is there: for the client and for kopf alike."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import kopf
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.dynamic import DynamicClient

from shield_operator.kube.api import Api, fence


class NoCluster(Exception):
    """Nothing says where the API server is, or what says so can't be read."""


async def load_configuration(kubeconfig: Path | None) -> Configuration:
    """That of a kubeconfig, else of the pod's ServiceAccount. NoCluster says what is missing."""
    configuration = Configuration()
    try:
        if kubeconfig is not None:
            await config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=str(kubeconfig), client_configuration=configuration
            )
        else:
            config.load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration
            )
    except (config.ConfigException, OSError) as error:
        raise NoCluster(f"{kubeconfig or 'ServiceAccount of the pod'}: {error}") from error
    configuration.retries = None
    configuration.disable_strict_ssl_verification = True
    configuration.connection_pool_maxsize = 32
    return configuration


class ClusterLogin(kopf.ConnectionInfo):
    """What kopf connects with. Authorities of older clusters lack extensions that RFC 5280 wants and Python 3.13
    insists on; kubelets and kubectl accept them, so does the operator. The chain is verified all the same."""

    def as_ssl_context(self) -> ssl.SSLContext:
        """The context of kopf's own, without the strictness."""
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


@asynccontextmanager
async def connect(configuration: Configuration, check: Callable[[], None]) -> AsyncIterator[Api]:
    """A client whose writes pass `check`; closed at the end."""
    configuration.trace_configs = [fence(check)]
    async with ApiClient(configuration) as client:
        yield Api(DynamicClient(client))  # type: ignore[no-untyped-call]


async def kopf_login(configuration: Configuration) -> kopf.ConnectionInfo:
    """The same connection for kopf, with the token as it is now; kopf asks again when that is refused."""
    header = await configuration.get_api_key_with_prefix("BearerToken")
    scheme, _, token = (header or "").partition(" ")
    return ClusterLogin(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme=scheme.capitalize() or None,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
    )
