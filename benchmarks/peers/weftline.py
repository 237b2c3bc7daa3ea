"""weftline: in memory without ledger and cache, and with journal and cache; variants are its backends."""

from measure import Job, Run, serve

from weftline import Pipeline, node


def first() -> int:
    return 0


def step(x: int) -> int:
    return x + 1


def chain(job: Job) -> Run:
    nodes = [node(provides="k0", name="n0")(first)]
    nodes += [
        node(provides=f"k{i}", requires={"x": f"k{i - 1}"}, name=f"n{i}")(step)
        for i in range(1, job.size)
    ]  # fmt: skip
    pipeline = Pipeline(nodes)
    return lambda: pipeline.run(home=None, backend=job.variant)[f"k{job.size - 1}"]


def wide(job: Job) -> Run:
    nodes = [node(provides="k", name="source")(first)]
    nodes += [node(provides=f"k{i}", requires={"x": "k"}, name=f"n{i}")(step) for i in range(job.size)]
    pipeline = Pipeline(nodes)

    def run() -> int:
        result = pipeline.run(home=None, backend=job.variant)
        return sum(result[f"k{i}"] for i in range(job.size))

    return run


def fan(job: Job) -> Run:
    @node(provides="xs")
    def items(size: int = 1) -> list[int]:
        return list(range(size))

    @node(provides="ys", requires={"x": "xs"}, over="xs")
    def step(x: int) -> int:
        return x + 1

    pipeline = Pipeline([items, step])
    home = None if job.case == "fan" else job.folder / "home"
    return lambda: sum(pipeline.run(home=home, backend=job.variant, params={"size": job.size})["ys"])


if __name__ == "__main__":
    serve("weftline", "weftline", {"chain": chain, "wide": wide, "fan": fan, "fan-cold": fan, "fan-hit": fan})
