"""weftline: one typed pipeline, planned before it costs anything, never computed twice, run anywhere."""
