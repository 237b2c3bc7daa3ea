"""pipefunc: a pipeline whose functions have cache=True, on its disk cache; it caches where all of its inputs are given."""

from pipefunc import PipeFunc, Pipeline
from plain import given, nodes, tell

names = ("orders", "prices", "report")
steps = [PipeFunc(function, name, cache=True) for function, name in zip(nodes(), names, strict=True)]
pipeline = Pipeline(steps, cache_type="disk", cache_kwargs={"cache_dir": ".pipefunc", "with_lru_cache": False})
tell(pipeline.run("report", kwargs=pipeline.defaults | given()))
