"""What a shard's metadata costs in other formats: the facts and spans of a shard as stored."""

from __future__ import annotations

import json
import timeit
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from benchmarks.arena import Arena
from benchmarks.contenders import BY_KEY
from benchmarks.report import table
from benchmarks.rotation import measure
from exportapp.xlsx import ColumnFacts, Span

ROWS: Final = 200_000
STORED: Final = "SELECT facts, spans FROM exportapp_exportshard ORDER BY number LIMIT 1"
HEADERS = ["", "encode µs", "decode µs", "bytes"]
LOOPS: Final = 2_000
REPEATS: Final = 7


@dataclass(frozen=True, slots=True)
class Format:
    title: str
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]

    def cells(self, shard: Any) -> list[str]:
        """Raises AssertionError for a format that does not give back what it was given."""
        data = self.encode(shard)
        assert self.decode(data) == shard, self.title
        return [
            self.title,
            f"{_micros(lambda: self.encode(shard)):.1f}",
            f"{_micros(lambda: self.decode(data)):.1f}",
            f"{len(data):,}",
        ]


def metadata(arena: Arena, rows: int) -> str:
    """One shard of an export of `rows` rows in each format, as a Markdown table."""
    arena.grow(rows)
    contender = BY_KEY["ours-1-worker"]
    with arena.workers(1) as workers:
        measure(arena, contender, arena.house.folder / "metadata.xlsx", workers)
    ((facts, stored),) = arena.house.rows(STORED)
    # The keys of a shard's ends are of any kind: in each of the formats they would be JSON.
    spans = {name: stored[name] for name in ("v", "spans")}
    return table(HEADERS, compare({"facts": facts, "spans": spans}))


def compare(shard: dict[str, Any]) -> list[list[str]]:
    """The line of each format for `shard`, its facts and spans as in the database."""
    return [found.cells(shard) for found in FORMATS]


def _micros(action: Callable[[], object]) -> float:
    # The least, as timeit says: what is more is somebody else's doing.
    return min(timeit.repeat(action, number=LOOPS, repeat=REPEATS)) / LOOPS * 1e6


def _to_json(shard: Any) -> bytes:
    return json.dumps(shard, separators=(",", ":")).encode()


def _messages() -> tuple[Any, ...]:
    """`Shard` with its `ColumnFacts` and `Span`s: one varint field for each of theirs."""
    file = descriptor_pb2.FileDescriptorProto(name="shard.proto", syntax="proto3")
    field = descriptor_pb2.FieldDescriptorProto
    spans = ["sheet", *(each.name for each in fields(Span))]
    # Which texts there are is only kept where some are shared.
    columns = [each.name for each in fields(ColumnFacts) if each.name != "distinct"]
    for name, members in (("Span", spans), ("Facts", columns)):
        message = file.message_type.add(name=name)
        for number, member in enumerate(members, 1):
            message.field.add(
                name=member, number=number, type=field.TYPE_UINT64, label=field.LABEL_OPTIONAL
            )
    shard = file.message_type.add(name="Shard")
    shard.field.add(name="v", number=1, type=field.TYPE_UINT32, label=field.LABEL_OPTIONAL)
    for number, name in enumerate(("Facts", "Span"), 2):
        shard.field.add(
            name=name.lower(),
            number=number,
            type=field.TYPE_MESSAGE,
            type_name=name,
            label=field.LABEL_REPEATED,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return tuple(
        message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
        for name in ("Shard", "Facts", "Span")
    )


_SHARD, _FACTS, _SPAN = _messages()
_SPAN_NAMES: Final = [each.name for each in _SPAN.DESCRIPTOR.fields]
_FACT_NAMES: Final = [each.name for each in _FACTS.DESCRIPTOR.fields]


def _to_protobuf(shard: Any) -> bytes:
    message = _SHARD(v=shard["spans"]["v"])
    for values in shard["facts"]["columns"]:
        message.facts.add(**dict(zip(_FACT_NAMES, values, strict=True)))
    for values in shard["spans"]["spans"]:
        message.span.add(**dict(zip(_SPAN_NAMES, values, strict=True)))
    return bytes(message.SerializeToString())


def _from_protobuf(data: bytes) -> Any:
    message = _SHARD.FromString(data)
    facts = [[getattr(each, name) for name in _FACT_NAMES] for each in message.facts]
    spans = [[getattr(each, name) for name in _SPAN_NAMES] for each in message.span]
    versioned = {"v": message.v, "columns": facts}
    return {"facts": versioned, "spans": {"v": message.v, "spans": spans}}


FORMATS: Final = (
    Format("JSON, standard library", _to_json, json.loads),
    Format("JSON, msgspec", msgspec.json.encode, msgspec.json.decode),
    Format("MessagePack, msgspec", msgspec.msgpack.encode, msgspec.msgpack.decode),
    Format("Protobuf", _to_protobuf, _from_protobuf),
)
