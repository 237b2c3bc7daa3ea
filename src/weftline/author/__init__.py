"""From what a user writes to a graph: nodes, pipelines, goals, files."""
