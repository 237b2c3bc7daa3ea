"""`weftline cache`: what is in the cache, what may go, and whether it tells the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.cli.arguments import HomeOption, Json, Params, Target, home_of, params_of
from weftline.cli.exits import Exit
from weftline.cli.text import counted, err, out, out_json, paint_out, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from weftline.app.care import Item

Words = Annotated[list[str], typer.Argument(help="Nodes, or first digits of keys.", show_default=False, metavar="WHAT...")]
_SHOWN_DIGITS = 12


def register(app: typer.Typer) -> None:
    """Adds the group of commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look into the cache, and make room in it.")
    app.add_typer(group, name="cache")
    _listing(group)
    _showing(group)
    _counting(group)
    _making_room(group)
    _forgetting(group)
    _marking(group)
    _verifying(group)


def _listing(group: typer.Typer) -> None:
    @group.command()
    def ls(
        what: Annotated[list[str] | None, typer.Argument(help="Nodes, or first digits of keys.", metavar="WHAT...")] = None,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the last used first.")] = 50,
        home: HomeOption = None,
        json: Json = False,
    ) -> None:
        """List results, the last used first."""
        from weftline.app import care

        opened = home_of(home)
        found = care.inventory(opened)
        found = care.chosen(found, what) if what else found
        now = opened.clock.now()
        opened.close()
        if json:
            out_json({"schema": "weftline.cache/v1", "entries": [_as_dict(item) for item in found[:limit]]})
            return
        for item in found[:limit]:
            out(_line(item, now))
        if len(found) > limit:
            err(f"... and {len(found) - limit:,} more: --limit {len(found)}")
        if not found:
            err("the cache is empty")


def _showing(group: typer.Typer) -> None:
    @group.command()
    def show(what: Words, home: HomeOption = None, json: Json = False) -> None:
        """Show results with their outputs, and the runs that made or took them."""
        from weftline.app import care
        from weftline.clock import as_utc
        from weftline.model.quantity import shown_bytes

        opened = home_of(home)
        found = care.chosen(care.inventory(opened), what)
        opened.close()
        if json:
            out_json({"schema": "weftline.cache/v1", "entries": [_as_dict(item) for item in found]})
            return
        for item in found:
            entry = item.entry
            out(paint_out(entry.key.hex(), "bold"))
            out(f"  made     {as_utc(entry.made_at):%Y-%m-%d %H:%M:%S} UTC by {entry.made_by} in {seconds(entry.took_s)}")
            out(f"  recipe   {entry.recipe.hex()[:_SHOWN_DIGITS]}")
            for stored in entry.outputs:
                out(f"  output   {stored.digest.hex()[:_SHOWN_DIGITS]}  {stored.codec}, {shown_bytes(stored.size)}")
            out(f"  used by  {', '.join(item.runs) or 'no run of this home'}")
            if item.pinned:
                out("  pinned")


def _counting(group: typer.Typer) -> None:
    @group.command()
    def stat(home: HomeOption = None, json: Json = False) -> None:
        """Count results and bytes, by node."""
        from weftline.app import care
        from weftline.model.quantity import shown_bytes

        opened = home_of(home)
        found = care.inventory(opened)
        opened.close()
        by_node: dict[str, list[Item]] = {}
        for item in found:
            by_node.setdefault(item.node, []).append(item)
        contents = {content: size for item in found for content, size in item.objects.items()}
        rows = [
            {
                "node": node,
                "entries": len(items),
                "bytes": sum({content: size for item in items for content, size in item.objects.items()}.values()),
                "took_s": round(sum(item.entry.took_s for item in items), 6),
                "pinned": sum(item.pinned for item in items),
            }
            for node, items in by_node.items()
        ]
        rows.sort(key=lambda row: (-row["bytes"], row["node"]))  # type: ignore[operator]  # numbers and names
        total = {"entries": len(found), "bytes": sum(contents.values()), "took_s": sum(item.entry.took_s for item in found)}
        if json:
            out_json({"schema": "weftline.cache-stat/v1", **total, "nodes": rows})
            return
        width = max([len(str(row["node"])) for row in rows] + [len("node")])
        out(f"{'node':<{width}}  {'entries':>8}  {'size':>8}  took to make")
        for row in rows:
            out(f"{row['node']:<{width}}  {row['entries']:>8,}  {shown_bytes(row['bytes']):>8}  {seconds(row['took_s'])}")  # type: ignore[arg-type]
        out(f"{'':<{width}}  {total['entries']:>8,}  {shown_bytes(total['bytes']):>8}  {seconds(total['took_s'])}")


def _making_room(group: typer.Typer) -> None:
    @group.command()
    def gc(
        older_than: Annotated[
            str | None, typer.Option("--older-than", help="Remove what was not used for so long: 30d.")
        ] = None,
        max_size: Annotated[
            str | None, typer.Option("--max-size", help="Then what was used longest ago, down to: 10GB.")
        ] = None,
        keep_runs: Annotated[int, typer.Option("--keep-runs", min=0, help="Newest runs that keep what they used.")] = 1,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would go, and change nothing.")] = False,
        home: HomeOption = None,
        json: Json = False,
    ) -> None:
        """Make room: remove results that are old, or used longest ago.

        Pinned results stay. Without a limit, only contents go that no result names any more. Safe beside running processes.
        """
        from weftline.app import care
        from weftline.model.quantity import duration_s, shown_bytes, size_bytes

        unused_s = None if older_than is None else _read(duration_s, "--older-than", older_than)
        most_bytes = None if max_size is None else _read(size_bytes, "--max-size", max_size)
        opened = home_of(home)
        done = care.collect(opened, unused_s=unused_s, most_bytes=most_bytes, keep_runs=keep_runs, trial=dry_run)
        now = opened.clock.now()
        opened.close()
        if json:
            removed = [_as_dict(item) for item in done.removed]
            out_json({"schema": "weftline.cache-gc/v1", "dry_run": dry_run, "freed_bytes": done.freed, "removed": removed})
            return
        if dry_run:
            for item in done.removed:
                out(_line(item, now))
        verb = "would remove" if dry_run else "removed"
        total = counted(len(done.removed) + len(done.kept), "result")
        out(f"{verb} {len(done.removed):,} of {total}, {shown_bytes(done.freed)}")


def _forgetting(group: typer.Typer) -> None:
    @group.command()
    def forget(what: Words, home: HomeOption = None, json: Json = False) -> None:
        """Remove results, pinned ones too; what needs them computes them again."""
        from weftline.app import care
        from weftline.model.quantity import shown_bytes

        opened = home_of(home)
        found = care.chosen(care.inventory(opened), what)
        freed = care.forget(opened, found)
        opened.close()
        if json:
            removed = [_as_dict(item) for item in found]
            out_json({"schema": "weftline.cache-gc/v1", "dry_run": False, "freed_bytes": freed, "removed": removed})
        else:
            out(f"removed {counted(len(found), 'result')}, {shown_bytes(freed)}")


def _marking(group: typer.Typer) -> None:
    @group.command()
    def pin(what: Words, home: HomeOption = None) -> None:
        """Keep results whatever is collected."""
        _mark(what, home_of(home), pinned=True)

    @group.command()
    def unpin(what: Words, home: HomeOption = None) -> None:
        """Let results go with others again."""
        _mark(what, home_of(home), pinned=False)


def _verifying(group: typer.Typer) -> None:
    @group.command()
    def verify(
        target: Target,
        param: Params = None,
        sample: Annotated[int, typer.Option("--sample", min=1, help="How many calls to make again.")] = 20,
        seed: Annotated[int, typer.Option("--seed", help="Chooses them.")] = 0,
        home: HomeOption = None,
        json: Json = False,
    ) -> int:
        """Make a sample of stored results again, and compare; exit code 1 if one comes out different."""
        from weftline.app import care
        from weftline.app.home import Request
        from weftline.app.pipeline import load

        opened = home_of(home)
        verdicts = []
        for verdict in care.verify(load(target), opened, Request(params=params_of(param)), sample, seed):
            verdicts.append(verdict)
            if not json and not verdict.equal:
                state = paint_out("different", "failed")
                out(f"  {verdict.call}   {state}   {verdict.key.hex()[:_SHOWN_DIGITS]}   {verdict.detail}")
        opened.close()
        wrong = [verdict for verdict in verdicts if not verdict.equal]
        if json:
            rows = [{**verdict._asdict(), "key": verdict.key.hex()} for verdict in verdicts]
            out_json({"schema": "weftline.cache-verify/v1", "checked": len(rows), "different": len(wrong), "verdicts": rows})
        else:
            equal = len(verdicts) - len(wrong)
            out(f"{counted(len(verdicts), 'result')} made again: {equal:,} equal, {len(wrong):,} different")
            if wrong:
                out("  a node whose result depends on more than its inputs says cache=False, or names that in depends=")
        return Exit.FAILED if wrong else Exit.OK


def _mark(what: list[str], opened: Any, *, pinned: bool) -> None:
    from weftline.app import care

    found = care.chosen(care.inventory(opened), what)
    care.pin(opened, found, pinned=pinned)
    opened.close()
    out(f"{'pinned' if pinned else 'unpinned'} {counted(len(found), 'result')}")


def _read(reader: Callable[[str], Any], option: str, text: str) -> Any:
    from weftline.errors import BadArgumentError

    try:
        return reader(text)
    except ValueError as error:
        raise BadArgumentError(argument=f"{option} {text}", detail=str(error), advice="see --help") from None


def _line(item: Item, now: float) -> str:
    from weftline.model.quantity import shown_age, shown_bytes

    mark = "pinned" if item.pinned else ""
    key, age = item.entry.key.hex()[:_SHOWN_DIGITS], shown_age(now - item.used_at)
    return f"{key}  {shown_bytes(item.size):>8}  {age:>4} ago  {item.entry.made_by}  {mark}".rstrip()


def _as_dict(item: Item) -> dict[str, Any]:
    from weftline.clock import as_utc

    entry = item.entry
    return {
        "key": entry.key.hex(),
        "node": item.node,
        "made_by": entry.made_by,
        "made_at": as_utc(entry.made_at).isoformat(),
        "used_at": as_utc(item.used_at).isoformat(),
        "took_s": entry.took_s,
        "bytes": item.size,
        "pinned": item.pinned,
        "runs": list(item.runs),
        "outputs": [
            {"digest": stored.digest.hex(), "codec": stored.codec, "object": stored.object.hex(), "bytes": stored.size}
            for stored in entry.outputs
        ],
    }
