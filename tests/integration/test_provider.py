"""Providers whose methods run in other processes, also when the node that holds them does."""

import os

FLOW = """
    import json, os, sys
    from weftline import Node, Pipeline, Provider

    class Worker(Provider):
        def __init__(self, factor: int) -> None:
            self.factor = factor

        def work(self, amount: int) -> list[int]:
            print("worked")
            return [amount * self.factor, os.getpid()]

        def dies(self) -> int:
            os._exit(3)

    class Ask(Node):
        requires = {"amount": int}
        provides = {"made": list[int], "asked_in": int}

        def __init__(self, worker):
            self.worker = worker

        def run(self, ctx):
            ctx.set("made", self.worker.work(ctx.get("amount")))
            ctx.set("asked_in", os.getpid())

    if __name__ == "__main__":
        address, backend = sys.argv[1:]
        worker = Worker.on(address, 3) if address else Worker(3)
        result = Pipeline([Ask(worker)], name="asks").run(given={"amount": 2}, backend=backend)
        logs = "".join(open(os.path.join(folder, name)).read() for folder, _, names in os.walk(os.environ["WEFTLINE_HOME"])
                       for name in names if name.endswith(".log"))
        told = {"decision": result.steps["ask"].decision, "made": result["made"], "asked_in": result["asked_in"],
                "here": os.getpid(), "logs": logs}
        try:
            worker.dies() if address else None
        except Exception as error:
            told["error"] = [type(error).__name__, str(error)]
            told["again"] = worker.work(1)[0]
        print(json.dumps(told))
"""


def test_methods_run_elsewhere_and_results_are_shared_with_those_that_ran_here(program):
    made = program(FLOW)
    here = made.run("", "threads")
    assert (here["made"], here["asked_in"]) == ([6, here["here"]], here["here"])
    assert made.run("processes", "threads")["decision"] == "CACHED"


def test_a_method_runs_in_a_process_of_its_own(program):
    told = program(FLOW).run("processes", "threads")
    assert told["made"][0] == 6
    assert told["asked_in"] == told["here"]
    assert told["made"][1] not in {told["here"], os.getpid()}
    assert "worked" in told["logs"]
    assert told["error"][0] == "WorkerDiedError"
    assert "exited with code 3" in told["error"][1]
    assert told["again"] == 3


def test_a_node_in_a_worker_process_opens_its_provider_s_backend_there(program):
    told = program(FLOW).run("processes", "processes")
    assert told["made"][0] == 6
    assert len({told["made"][1], told["asked_in"], told["here"]}) == 3
