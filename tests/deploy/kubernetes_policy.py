"""The rules for our Kubernetes objects that a schema can't express. Each broken rule gives one word."""

import ipaddress
import re
from collections.abc import Callable
from typing import Any, Final

from tests.deploy.kubernetes_objects import Cluster, Object, Workload

COMPONENT: Final = "app.kubernetes.io/component"
SECRETS: Final = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "METRICS_TOKEN", "EMAIL_URL", "MEDIA_S3_SECRET_ACCESS_KEY"}
METADATA: Final = (ipaddress.ip_network("169.254.169.254/32"), ipaddress.ip_network("fd00:ec2::254/128"))
HARDENED: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
HOST_FIELDS: Final = {"hostNetwork", "hostPID", "hostIPC"}
VOLUMES: Final = {"emptyDir", "persistentVolumeClaim", "configMap", "secret"}


def faults_of(cluster: Cluster, drains_s: dict[str, float]) -> set[str]:
    """Return a word for each broken rule. `drains_s`: how long the work in hand takes, by deployment."""
    rules: dict[str, Callable[[Workload], bool]] = {
        "restricted": lambda work: not _is_restricted(work),
        "token": lambda work: work.pod.get("automountServiceAccountToken") is not False,
        "image": lambda work: any(not _is_pinned(cluster.image(each["image"])) for each in work.containers),
        "resources": lambda work: any(not _has_resources(each) for each in work.containers),
        "secret": lambda work: not _takes_secrets_by_name(work),
        "volume": lambda work: not _has_its_volumes(cluster, work),
        "probe": lambda work: work.is_long_running and not _is_probed(work),
        "grace": lambda work: work.is_long_running and _grace_s(work) < drains_s[work.labels[COMPONENT]],
        "rollout": lambda work: work.is_long_running and not _rolls(work),
        "budget": lambda work: work.is_long_running and not _has_budget(cluster, work),
        "selector": lambda work: work.is_long_running and not _selects_its_own(cluster, work),
        "job": lambda work: not work.is_long_running and not _ends(work),
        "isolation": lambda work: not _is_isolated(cluster, work),
        "reachable": lambda work: _is_reachable(cluster, work) != (work.labels[COMPONENT] == "web"),
    }
    found = {word for word, is_broken in rules.items() if any(map(is_broken, cluster.workloads()))}
    others = {
        "secret": bool(cluster.of_kind("Secret")),
        "cron": not all(map(_is_daily_and_alone, cluster.of_kind("CronJob"))),
        "peer": not all(map(_names_its_peers, cluster.of_kind("NetworkPolicy"))),
        "metadata": not all(map(_spares_metadata, cluster.of_kind("NetworkPolicy"))),
        "service": not _services_find_their_pods(cluster),
        "buffered": not _web_listens_for_nginx_alone(cluster),
        "monitor": not _monitors_find_their_services(cluster),
        "scaling": not _scaling_finds_its_target(cluster),
        "admission": not _is_admission_restricted(cluster),
    }
    return found | {word for word, is_broken in others.items() if is_broken}


def _is_restricted(work: Workload) -> bool:
    """Return whether the pod keeps the Pod Security Standard `restricted`, with a read-only root and a fixed user."""
    context = work.pod.get("securityContext", {})
    return (
        context.get("runAsNonRoot") is True
        and min(context.get("runAsUser", 0), context.get("runAsGroup", 0)) > 0
        and context.get("seccompProfile") == {"type": "RuntimeDefault"}
        and not context.keys() & {"sysctls", "seLinuxOptions", "appArmorProfile", "windowsOptions"}
        and not work.pod.keys() & HOST_FIELDS
        and all(each.get("securityContext") == HARDENED for each in work.containers)
        and not any("hostPort" in port for each in work.containers for port in each.get("ports", []))
        and all(volume.keys() - {"name"} <= VOLUMES for volume in work.pod.get("volumes", []))
    )


def _is_pinned(image: str) -> bool:
    tag = re.search(r"(?::([\w][\w.-]*)|@sha256:[0-9a-f]{64})$", image)
    return tag is not None and tag[1] != "latest"


def _has_resources(container: Object) -> bool:
    resources = container.get("resources", {})
    return resources.get("requests", {}).keys() >= {"cpu", "memory"} and "memory" in resources.get("limits", {})


def _takes_secrets_by_name(work: Workload) -> bool:
    """Return whether our containers take them by name, and those of others take none."""
    by_name = {"secretRef": {"name": "tandem-secrets"}}
    return all(
        (by_name in each.get("envFrom", [])) is (each["name"] != "nginx")
        and not {variable["name"] for variable in each.get("env", []) if "value" in variable} & SECRETS
        for each in work.containers
    )


def _has_its_volumes(cluster: Cluster, work: Workload) -> bool:
    volumes = {each["name"]: each for each in work.pod.get("volumes", [])}
    mounted = {mount["name"] for each in work.containers for mount in each.get("volumeMounts", [])}
    claims = {
        each["persistentVolumeClaim"]["claimName"] for each in volumes.values() if "persistentVolumeClaim" in each
    }
    return mounted == volumes.keys() and claims <= _names(cluster.of_kind("PersistentVolumeClaim"))


def _is_probed(work: Workload) -> bool:
    """Return whether HTTP asks a web pod, and whether a loop is asked by the file that its last argument names."""
    container = work.pod["containers"][0]
    probes = [container.get("startupProbe"), container.get("livenessProbe")]
    if "http" in _ports(work):
        asked = [probe.get("httpGet", {}).get("path") for probe in [*probes, container.get("readinessProbe")] if probe]
        return asked == ["/livez", "/livez", "/readyz"]
    heartbeat = container["command"][-1]
    scripts = [probe["exec"]["command"][-1] for probe in probes if probe]
    waits_s = [probe["periodSeconds"] * probe["failureThreshold"] for probe in probes if probe]
    are_asked = len(scripts) == 2 and all(f" {heartbeat} " in each for each in scripts)
    return are_asked and bool(min(waits_s) >= 60)


def _grace_s(work: Workload) -> int:
    """Return the seconds between SIGTERM and SIGKILL. The preStop hooks sleep at the same time, before it."""
    hooks = [each["lifecycle"]["preStop"]["exec"]["command"][-1] for each in work.containers if "lifecycle" in each]
    slept_s = max((int(seconds) for hook in hooks for seconds in re.findall(r"sleep (\d+)", hook)), default=0)
    return int(work.pod.get("terminationGracePeriodSeconds", 30)) - slept_s


def _rolls(work: Workload) -> bool:
    strategy = work.owner["spec"].get("strategy", {})
    return bool(strategy.get("type") == "RollingUpdate" and strategy["rollingUpdate"].get("maxUnavailable") == 0)


def _has_budget(cluster: Cluster, work: Workload) -> bool:
    """Return whether exactly one budget lets one pod end, and at least two pods exist."""
    budgets = [each["spec"] for each in cluster.of_kind("PodDisruptionBudget")]
    limits = [budget.get("maxUnavailable") for budget in budgets if work.is_selected_by(budget["selector"])]
    scaled = {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"]["minReplicas"]
        for each in cluster.of_kind("HorizontalPodAutoscaler")
    }
    name = work.owner["metadata"]["name"]
    is_scaled, replicas = name in scaled, work.owner["spec"].get("replicas")
    # With both numbers, each `kubectl apply` would undo what the autoscaler did.
    is_enough = (scaled.get(name) or replicas or 1) >= 2
    return limits == [1] and is_scaled == (replicas is None) and bool(is_enough)


def _selects_its_own(cluster: Cluster, work: Workload) -> bool:
    selector = work.owner["spec"]["selector"]
    return [each.owner for each in cluster.workloads() if each.is_selected_by(selector)] == [work.owner]


def _ends(work: Workload) -> bool:
    spec = work.owner["spec"]["jobTemplate"]["spec"] if work.owner["kind"] == "CronJob" else work.owner["spec"]
    has_deadline = work.owner["kind"] == "Job" or "activeDeadlineSeconds" in spec  # a migration may take its time
    return work.pod.get("restartPolicy") == "Never" and "backoffLimit" in spec and has_deadline


def _is_daily_and_alone(cron: Object) -> bool:
    spec = cron["spec"]
    return bool(
        re.fullmatch(r"\d+ \d+ \* \* \*", spec["schedule"])
        and spec.get("timeZone") == "Etc/UTC"
        and spec.get("concurrencyPolicy") == "Forbid"
        and spec.keys() >= {"startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"}
    )


def _policies_of(cluster: Cluster, work: Workload) -> list[Object]:
    specs = [each["spec"] for each in cluster.of_kind("NetworkPolicy")]
    return [spec for spec in specs if work.is_selected_by(spec["podSelector"])]


def _is_isolated(cluster: Cluster, work: Workload) -> bool:
    return {way for policy in _policies_of(cluster, work) for way in policy["policyTypes"]} == {"Ingress", "Egress"}


def _is_reachable(cluster: Cluster, work: Workload) -> bool:
    return any(policy.get("ingress") for policy in _policies_of(cluster, work))


def _names_its_peers(policy: Object) -> bool:
    """Return whether each rule names its namespaces and its port. A rule without them lets everybody in."""
    rules = policy["spec"].get("ingress", [])
    peers = [peer for rule in rules for peer in rule.get("from", [{}])]
    named = [peer.get("namespaceSelector", {}).get("matchLabels", {}) for peer in peers]
    has_ports = all([port.get("port") for port in rule.get("ports", [])] == ["http"] for rule in rules)
    return has_ports and all("kubernetes.io/metadata.name" in labels for labels in named)


def _spares_metadata(policy: Object) -> bool:
    rules = policy["spec"].get("egress", [])
    blocks = [peer["ipBlock"] for rule in rules for peer in rule.get("to", []) if "ipBlock" in peer]
    return all("to" in rule for rule in rules) and not any(map(_reaches_metadata, blocks))


def _reaches_metadata(block: Object) -> bool:
    cidr = ipaddress.ip_network(block["cidr"])
    spared = [ipaddress.ip_network(each) for each in block.get("except", [])]
    return any(_is_in(each, cidr) and not any(_is_in(each, one) for one in spared) for each in METADATA)


def _is_in(inner: Any, outer: Any) -> bool:
    return bool(inner.version == outer.version and inner.subnet_of(outer))


def _services_find_their_pods(cluster: Cluster) -> bool:
    for service in cluster.of_kind("Service"):
        selector = {"matchLabels": service["spec"]["selector"]}
        found = [work for work in cluster.workloads() if work.is_selected_by(selector)]
        targets = {port["targetPort"] for port in service["spec"]["ports"]}
        if [work.labels[COMPONENT] for work in found] != ["web"] or targets - _ports(found[0]):
            return False
    return True


def _web_listens_for_nginx_alone(cluster: Cluster) -> bool:
    """Return whether only nginx takes connections from outside the pod, and only it is believed."""
    [web] = [work.pod["containers"] for work in cluster.workloads() if work.labels[COMPONENT] == "web"]
    with_port = [each["name"] for each in web if each.get("ports")]
    return with_port == ["nginx"] and "--bind=127.0.0.1:8001" in web[0].get("command", [])


def _monitors_find_their_services(cluster: Cluster) -> bool:
    for monitor in cluster.of_kind("ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        found = [each for each in cluster.of_kind("Service") if wanted <= each["metadata"]["labels"].items()]
        ports = {port["name"] for each in found for port in each["spec"]["ports"]}
        if not found or {each["port"] for each in monitor["spec"]["endpoints"]} - ports:
            return False
    return True


def _scaling_finds_its_target(cluster: Cluster) -> bool:
    targets = {each["spec"]["scaleTargetRef"]["name"] for each in cluster.of_kind("HorizontalPodAutoscaler")}
    return targets <= _names(cluster.of_kind("Deployment"))


def _is_admission_restricted(cluster: Cluster) -> bool:
    [namespace] = cluster.of_kind("Namespace")
    return bool(namespace["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") == "restricted")


def _ports(work: Workload) -> set[str]:
    return {port["name"] for each in work.containers for port in each.get("ports", [])}


def _names(objects: list[Object]) -> set[str]:
    return {each["metadata"]["name"] for each in objects}
