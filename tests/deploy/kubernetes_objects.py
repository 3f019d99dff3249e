"""Kubernetes objects as the rules read them: the workloads that make pods, and the cluster that holds all objects."""

from dataclasses import dataclass
from typing import Any

type Object = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """A Deployment, Job or CronJob, and the pods that it makes."""

    owner: Object

    @property
    def is_long_running(self) -> bool:
        return bool(self.owner["kind"] == "Deployment")

    @property
    def template(self) -> Object:
        spec = self.owner["spec"]
        found: Object = (spec["jobTemplate"]["spec"] if self.owner["kind"] == "CronJob" else spec)["template"]
        return found

    @property
    def labels(self) -> dict[str, str]:
        found: dict[str, str] = self.template["metadata"]["labels"]
        return found

    @property
    def pod(self) -> Object:
        found: Object = self.template["spec"]
        return found

    @property
    def containers(self) -> list[Object]:
        return [*self.pod["containers"], *self.pod.get("initContainers", [])]

    def is_selected_by(self, selector: Object) -> bool:
        """Return whether the selector matches these pods. An empty one matches every pod, and no expression does."""
        wanted: dict[str, str] = selector.get("matchLabels", {})
        return "matchExpressions" not in selector and wanted.items() <= self.labels.items()


@dataclass(frozen=True)
class Cluster:
    """The objects of one installation."""

    objects: list[Object]

    def of_kind(self, *kinds: str) -> list[Object]:
        return [each for each in self.objects if each["kind"] in kinds]

    def workloads(self) -> list[Workload]:
        return [Workload(each) for each in self.of_kind("Deployment", "Job", "CronJob")]

    def named(self, kind: str, name: str) -> Object:
        return next(each for each in self.of_kind(kind) if each["metadata"]["name"] == name)

    def image(self, name: str) -> str:
        """Return the image that Kustomize puts in place of `name`."""
        for each in (image for found in self.of_kind("Kustomization") for image in found["images"]):
            if each["name"] == name:
                suffix = f"@{each['digest']}" if "digest" in each else f":{each.get('newTag', 'latest')}"
                return f"{each.get('newName', name)}{suffix}"
        return name
