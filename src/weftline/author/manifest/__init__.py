"""Pipelines, groups, workflows and policies as files: YAML with `apiVersion` and `kind`."""
