"""Prints two results of `flow.py` in this folder: what is in its cache, and what comes out without any cache; and what ran.

Usage: python look.py PARAMS, where PARAMS is a JSON object.
"""

import json
import sys

from weftline import Pipeline

params = json.loads(sys.argv[1])
restored = Pipeline.load("flow.py").run(params=params)
computed = Pipeline.load("flow.py").run(params=params, home=None)
said = {
    "restored": restored["report"],
    "computed": computed["report"],
    "ran": [name for name, step in restored.steps.items() if not step.cached],
}
print(json.dumps(said))
