"""Worker versioning: the deployment version of a build, and its promotion to the current one."""

import asyncio

from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import WorkerDeploymentConfig

from shared.contracts.names import WORKFLOW_DEPLOYMENT
from shared.kit.telemetry import log

PROMOTE_RETRY_SECONDS = 1.0


def deployment_of(build_id: str) -> WorkerDeploymentConfig | None:
    """The options of a versioned build; None for an unversioned one.

    Running tickets move to newer code by themselves; replay tests and `workflow.patched` keep that safe.
    """
    if not build_id:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(WORKFLOW_DEPLOYMENT, build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def promote(client: Client, build_id: str) -> None:
    """Makes this build the current one, once its worker polls."""
    while True:
        try:
            await client.workflow_service.set_worker_deployment_current_version(
                SetWorkerDeploymentCurrentVersionRequest(
                    namespace=client.namespace,
                    deployment_name=WORKFLOW_DEPLOYMENT,
                    build_id=build_id,
                    identity=client.identity,
                )
            )
        except RPCError as error:
            log.info("worker.not_yet_promoted", build_id=build_id, error=error.message)
            await asyncio.sleep(PROMOTE_RETRY_SECONDS)
        else:
            log.info("worker.promoted", build_id=build_id)
            return
