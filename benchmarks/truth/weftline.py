"""weftline: the flow as it stands, with the default backend and cache."""

from plain import given, tell

from weftline import Pipeline

tell(Pipeline.load("flow.py").run(params=given())["report"])
