"""Documents: pure stages that turn study records into a searchable index and a knowledge graph."""
