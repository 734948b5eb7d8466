"""How a compute target is now, with v1's figures (v1-behaviours 11.5)."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional


class ScaleSettings:
    """How many nodes a target may have, and when one without work goes."""

    def __init__(
        self, minimum_node_count: int, maximum_node_count: Optional[int], idle_seconds_before_scaledown: int
    ) -> None:
        self.minimum_node_count = minimum_node_count
        self.maximum_node_count = maximum_node_count
        self.idle_seconds_before_scaledown = idle_seconds_before_scaledown

    def serialize(self) -> Dict[str, Any]:
        """Under v1's keys."""
        return {
            "minNodeCount": self.minimum_node_count,
            "maxNodeCount": self.maximum_node_count,
            "nodeIdleTimeBeforeScaleDown": f"PT{self.idle_seconds_before_scaledown}S",
        }

    @staticmethod
    def deserialize(object_dict: Optional[Mapping[str, Any]]) -> Optional[ScaleSettings]:
        """From v1's keys; None of nothing."""
        if not object_dict:
            return None
        return ScaleSettings(
            object_dict["minNodeCount"],
            object_dict["maxNodeCount"],
            seconds_of(object_dict["nodeIdleTimeBeforeScaleDown"]),
        )


class AmlComputeNodeStateCounts:
    """How many nodes there are, by what they do."""

    def __init__(
        self,
        idle_node_count: int = 0,
        leaving_node_count: int = 0,
        preempted_node_count: int = 0,
        preparing_node_count: int = 0,
        running_node_count: int = 0,
        unusable_node_count: int = 0,
    ) -> None:
        self.idle_node_count = idle_node_count
        self.leaving_node_count = leaving_node_count
        self.preempted_node_count = preempted_node_count
        self.preparing_node_count = preparing_node_count
        self.running_node_count = running_node_count
        self.unusable_node_count = unusable_node_count

    def serialize(self) -> Dict[str, int]:
        """Under v1's keys."""
        return {
            "preparingNodeCount": self.preparing_node_count,
            "runningNodeCount": self.running_node_count,
            "idleNodeCount": self.idle_node_count,
            "unusableNodeCount": self.unusable_node_count,
            "leavingNodeCount": self.leaving_node_count,
            "preemptedNodeCount": self.preempted_node_count,
        }

    @staticmethod
    def deserialize(object_dict: Optional[Mapping[str, Any]]) -> Optional[AmlComputeNodeStateCounts]:
        """From v1's keys; None of nothing."""
        if not object_dict:
            return None
        return AmlComputeNodeStateCounts(
            idle_node_count=object_dict.get("idleNodeCount", 0),
            leaving_node_count=object_dict.get("leavingNodeCount", 0),
            preempted_node_count=object_dict.get("preemptedNodeCount", 0),
            preparing_node_count=object_dict.get("preparingNodeCount", 0),
            running_node_count=object_dict.get("runningNodeCount", 0),
            unusable_node_count=object_dict.get("unusableNodeCount", 0),
        )


class AmlComputeStatus:
    """How a target is now (v1-behaviours 11.5)."""

    def __init__(
        self,
        allocation_state: str,
        allocation_state_transition_time: Optional[str],
        creation_time: Optional[str],
        current_node_count: int,
        errors: Optional[List[Any]],
        modified_time: Optional[str],
        node_state_counts: Optional[AmlComputeNodeStateCounts],
        provisioning_state: str,
        provisioning_state_transition_time: Optional[str],
        scale_settings: Optional[ScaleSettings],
        target_node_count: int,
        vm_priority: str,
        vm_size: str,
    ) -> None:
        self.allocation_state = allocation_state
        self.allocation_state_transition_time = allocation_state_transition_time
        self.creation_time = creation_time
        self.current_node_count = current_node_count
        self.errors = errors
        self.modified_time = modified_time
        self.node_state_counts = node_state_counts
        self.provisioning_state = provisioning_state
        self.provisioning_state_transition_time = provisioning_state_transition_time
        self.scale_settings = scale_settings
        self.target_node_count = target_node_count
        self.vm_priority = vm_priority
        self.vm_size = vm_size

    def serialize(self) -> Dict[str, Any]:
        """Under v1's keys."""
        return {
            "currentNodeCount": self.current_node_count,
            "targetNodeCount": self.target_node_count,
            "nodeStateCounts": self.node_state_counts.serialize() if self.node_state_counts else None,
            "allocationState": self.allocation_state,
            "allocationStateTransitionTime": self.allocation_state_transition_time,
            "errors": self.errors,
            "creationTime": self.creation_time,
            "modifiedTime": self.modified_time,
            "provisioningState": self.provisioning_state,
            "provisioningStateTransitionTime": self.provisioning_state_transition_time,
            "scaleSettings": self.scale_settings.serialize() if self.scale_settings else None,
            "vmPriority": self.vm_priority,
            "vmSize": self.vm_size,
        }

    @staticmethod
    def deserialize(object_dict: Optional[Mapping[str, Any]]) -> Optional[AmlComputeStatus]:
        """From v1's keys; None of nothing."""
        if not object_dict:
            return None
        told = object_dict
        return AmlComputeStatus(
            allocation_state=told["allocationState"],
            allocation_state_transition_time=told.get("allocationStateTransitionTime"),
            creation_time=told.get("creationTime"),
            current_node_count=told["currentNodeCount"],
            errors=told.get("errors"),
            modified_time=told.get("modifiedTime"),
            node_state_counts=AmlComputeNodeStateCounts.deserialize(told.get("nodeStateCounts")),
            provisioning_state=told["provisioningState"],
            provisioning_state_transition_time=told.get("provisioningStateTransitionTime"),
            scale_settings=ScaleSettings.deserialize(told.get("scaleSettings")),
            target_node_count=told["targetNodeCount"],
            vm_priority=told["vmPriority"],
            vm_size=told["vmSize"],
        )


def seconds_of(duration: str) -> int:
    """An ISO 8601 duration in seconds: `PT1800S`, `PT30M`, `PT1H30M`."""
    found = re.fullmatch(r"PT(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?", duration)
    if found is None:
        raise ValueError(f"{duration!r} is not a duration such as PT1800S.")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds
