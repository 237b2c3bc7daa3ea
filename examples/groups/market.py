"""What the groups in this folder run: small pipelines that stand for larger ones."""

from weftline import node, register_pipeline


@register_pipeline("market.ingest")
@node
def ingest(week: str = "2026-01-05", venues: int = 3) -> list[dict]:
    return [{"week": week, "venue": number % venues, "volume": 10 * number} for number in range(12)]


@register_pipeline("market.normalize")
@node(requires={"rows": "ingest"})
def normalize(rows: list[dict], unit: int = 1) -> list[dict]:
    return [{**row, "volume": row["volume"] / unit} for row in rows if row["volume"]]


@register_pipeline("market.aggregate")
@node(requires={"rows": "normalize"})
def aggregate(rows: list[dict]) -> float:
    return sum(row["volume"] for row in rows)


@register_pipeline("market.share")
@node(requires={"rows": "normalize"})
def share(rows: list[dict]) -> dict[int, float]:
    total = sum(row["volume"] for row in rows)
    found: dict[int, float] = {}
    for row in rows:
        found[row["venue"]] = found.get(row["venue"], 0.0) + row["volume"] / total
    return found


@register_pipeline("market.rolling")
@node(requires={"total": "aggregate"})
def rolling(total: float, weeks: int = 4) -> float:
    return total / weeks


@register_pipeline("market.report")
@node(requires={"total": "aggregate", "shares": "share"})
def report(total: float, shares: dict[int, float], batch_id: str = "") -> str:
    return f"{batch_id}: {total:g} in {len(shares)} venues"


@register_pipeline("market.refresh")
@node
def refresh(venue: str = "all", week: str = "2026-01-05") -> str:
    return f"{venue} {week}"
