"""Enumerations, types, and things that are found by a name."""

import enum

from shop import plugins


class Size(enum.Enum):
    SMALL = 51
    LARGE = 52

    def doubled(self) -> int:
        return self.value * 2


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Plugin:
    price = 0


class Paper(Plugin):
    price = 56


def figures(count: int) -> dict[str, float]:
    return {
        "member": Size.SMALL.value,
        "method of members": Size.LARGE.doubled(),
        "flags": (Access.READ | Access.WRITE).value,
        "by name": getattr(plugins, "colour" if count else "form")(count),
        "registry": sum(function(count) for function in plugins.REGISTRY.values()),
        "caught": caught(count),
        "matched": matched(count),
        "described": len(matched.__doc__ or ""),
        "subclasses": sum(kind.price for kind in Plugin.__subclasses__()),
        "assertions": 55 if __debug__ else 0,
    }


class OutOfStock(Exception):
    share = 53


def caught(count: int) -> int:
    try:
        sold(count)
    except OutOfStock as error:
        return error.share
    return 0


def sold(count: int) -> None:
    raise OutOfStock(count)


def matched(count: int) -> int:
    """What somebody reads while it runs."""
    match count:
        case 0:
            return 0
        case _:
            return 54
