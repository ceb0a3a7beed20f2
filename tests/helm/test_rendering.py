"""The chart as Helm renders it: every option lints, fits Kubernetes' schemas, and asks for no more than it needs.

Needs the packages of `requirements-chart.lock` (`make chart` installs them); skipped where they are not.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # a dependency of other tools, without types

from tests.helm import chart_files

helm = pytest.importorskip("helm_python", reason="make chart installs it")
kubernetes = pytest.importorskip("kubernetes_validate", reason="make chart installs it")

OLDEST, NEWEST = "1.29", "1.37"
WARNING = 2
PROCESSES = {"intake", "mail-in", "assignment", "notification", "worker"}
each_option = pytest.mark.parametrize("path", chart_files.CI_FILES, ids=lambda path: path.stem)


@cache
def rendered(path: Path) -> tuple[dict[str, Any], ...]:
    """The objects that an installation with a file's values makes."""
    with helm.Chart.load(str(chart_files.CHART)) as chart:
        texts = chart.render(chart_files.of_file(path), name="help", namespace="prod")
    parts = (yaml.safe_load_all(text) for name, text in texts.items() if not name.endswith(".txt"))
    return tuple(document for documents in parts for document in documents if document)


def of_kind(path: Path, kind: str) -> list[dict[str, Any]]:
    return [one for one in rendered(path) if one["kind"] == kind]


def pods(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and specification of every pod that there will be."""
    for one in rendered(path):
        if one["kind"] in ("Deployment", "Job"):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]
        elif one["kind"] == "Pod":
            yield one["metadata"]["name"], one["spec"]


@each_option
def test_helm_finds_nothing_to_say(path: Path) -> None:
    report = helm.lint(str(chart_files.CHART), chart_files.of_file(path), strict=True)
    assert report["errors"] == []
    assert [one for one in report["messages"] if one["severity"] >= WARNING] == []


@each_option
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_fits_the_schema_of_kubernetes(path: Path, version: str) -> None:
    for one in rendered(path):
        kubernetes.validate(one, version, strict=True)


@each_option
def test_no_two_objects_and_no_two_variables_share_a_name(path: Path) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in rendered(path)]
    assert len(names) == len(set(names))
    for _, pod in pods(path):
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            variables = [one["name"] for one in container.get("env", ())]
            assert len(variables) == len(set(variables))


@each_option
def test_pods_may_do_nothing_but_their_work(path: Path) -> None:
    assert of_kind(path, "Secret") == []
    for name, pod in pods(path):
        assert (name, pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (name, False, False)
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert {"requests", "limits"} <= set(container["resources"])


@each_option
def test_each_process_is_one_deployment_with_probes_and_a_service_that_finds_it(path: Path) -> None:
    deployments = {one["metadata"]["labels"]["app.kubernetes.io/component"]: one for one in of_kind(path, "Deployment")}
    assert set(deployments) == PROCESSES
    for one in deployments.values():
        (container,) = one["spec"]["template"]["spec"]["containers"]
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert {"name": "EVERDESK_PORT", "value": str(ports["http"])} in container["env"]
    for service in of_kind(path, "Service"):
        selector = service["spec"]["selector"]
        labels = deployments[selector["app.kubernetes.io/component"]]["spec"]["template"]["metadata"]["labels"]
        assert selector.items() <= labels.items()


def test_each_autoscaled_process_has_its_measures_and_no_fixed_number() -> None:
    path = chart_files.CHART / "ci" / "autoscaling-values.yaml"
    assert {one["spec"]["scaleTargetRef"]["name"] for one in of_kind(path, "HorizontalPodAutoscaler")} == {
        one["metadata"]["name"] for one in of_kind(path, "Deployment") if "replicas" not in one["spec"]
    }
    assert all(one["spec"]["metrics"] for one in of_kind(path, "HorizontalPodAutoscaler"))


def test_every_pod_is_under_the_default_deny_and_a_policy_of_its_own() -> None:
    path = chart_files.CHART / "ci" / "closed-network-values.yaml"
    chosen = [one["spec"]["podSelector"]["matchLabels"] for one in of_kind(path, "NetworkPolicy")]
    components = {labels.get("app.kubernetes.io/component") for labels in chosen}
    assert components == {None, "migrate", "test", *PROCESSES}
    peers = [rule for one in of_kind(path, "NetworkPolicy") for rule in one["spec"].get("ingress", ())]
    assert all(rule["from"] for rule in peers), "a rule without peers lets everybody in"


def test_one_host_leads_to_both_sites() -> None:
    (ingress,) = of_kind(chart_files.CHART / "ci" / "defaults-values.yaml", "Ingress")
    (rule,) = ingress["spec"]["rules"]
    leads = {one["path"]: one["backend"]["service"]["name"] for one in rule["http"]["paths"]}
    assert leads == {"/": "help-everdesk-intake", "/desk": "help-everdesk-assignment"}


def test_migrations_run_before_anything_else_of_a_release() -> None:
    (job,) = of_kind(chart_files.CHART / "ci" / "defaults-values.yaml", "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    pod = job["spec"]["template"]["spec"]
    assert "serviceAccountName" not in pod, "the release's own does not exist yet"
    ran = [container["command"][2:] for container in (*pod["initContainers"], *pod["containers"])]
    assert ran == [
        ["services.intake.main", "migrate", "seed"],
        ["services.assignment.main", "migrate", "seed"],
        ["services.notification.main", "migrate"],
    ]
