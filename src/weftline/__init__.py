"""weftline: one typed pipeline, planned before it costs anything, never computed twice, run anywhere."""

from weftline.app.pipeline import Pipeline
from weftline.app.provider import Provider
from weftline.author.group import PipelineGroup, workflow
from weftline.author.node import Node, node
from weftline.author.registry import (
    clear_groups,
    clear_nodes,
    clear_pipelines,
    clear_registry,
    get_group,
    get_node,
    get_pipeline,
    group_exists,
    list_groups,
    list_nodes,
    list_pipelines,
    register_group,
    register_node,
    register_pipeline,
    registry_stats,
)
from weftline.author.resolver import Resolver
from weftline.codec.artifact import File, Folder
from weftline.errors import WeftlineError
from weftline.model.context import Context
from weftline.model.environment import Environment
from weftline.model.gate import Clause, FieldSpec, Gate
from weftline.model.guard import Guard
from weftline.model.node import env
from weftline.model.policy import Breaker, Budget, Limiter, Policy
from weftline.model.resources import Resources
from weftline.version import __version__

__all__ = [
    "Breaker",
    "Budget",
    "Clause",
    "Context",
    "Environment",
    "FieldSpec",
    "File",
    "Folder",
    "Gate",
    "Guard",
    "Limiter",
    "Node",
    "Pipeline",
    "PipelineGroup",
    "Policy",
    "Provider",
    "Resolver",
    "Resources",
    "WeftlineError",
    "__version__",
    "clear_groups",
    "clear_nodes",
    "clear_pipelines",
    "clear_registry",
    "env",
    "get_group",
    "get_node",
    "get_pipeline",
    "group_exists",
    "list_groups",
    "list_nodes",
    "list_pipelines",
    "node",
    "register_group",
    "register_node",
    "register_pipeline",
    "registry_stats",
    "workflow",
]
