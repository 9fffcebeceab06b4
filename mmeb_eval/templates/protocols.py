"""How a family of models wants an item: where the instruction goes, what each side gets, which medium comes first.

A family is a row of ``protocols.toml``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from mmeb_eval.item import Item
from scar.common.tables import make_record, read_toml
from scar.errors import EvalError, UnknownName

PROTOCOL_TABLE = Path(__file__).with_name("protocols.toml")

Place: TypeAlias = Literal["none", "system", "text"]
Medium: TypeAlias = Literal["image", "text"]

DEFAULT_PROTOCOL = "plain"
"""Protocol of models that no row matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A row of ``protocols.toml``.

    Attributes:
        name: name of the row.
        layout: the layout of items, a key of `mmeb_eval.templates.fused.LAYOUTS`; ``apart`` keeps the instruction
            apart.
        place: where ``query`` and ``document`` go: in a ``system`` turn, in front of the ``text``, or nowhere
            (``none``).
        source: where the family's makers say so, as a link.
        read: when the source was read.
        match: parts of models' names, in lower case, that stand for the family.
        query: what a query gets; ``{instruction}`` stands for the item's instruction.
        document: what a document gets, as does an item without a side; likewise.
        default_instruction: the instruction of a query that has none.
        sentence_end: what is added to an instruction that does not end in Unicode punctuation.
        order: the media in the order in which the model gets them.
        query_arguments: further named values that a library or endpoint gets with a query, such as ``input_type``.
        document_arguments: likewise, with a document.
        min_pixels: smallest area to which images are resized, in pixels; None leaves it to the model's processor.
        max_pixels: largest area to which images are resized, in pixels; likewise.
        max_tokens: number of tokens at which inputs are cut; likewise.
    """

    name: str
    layout: str
    place: Place
    source: str
    read: date
    match: tuple[str, ...] = ()
    query: str = ""
    document: str = ""
    default_instruction: str = ""
    sentence_end: str = ""
    order: tuple[Medium, ...] = ("image", "text")
    query_arguments: Mapping[str, str] = field(default_factory=dict)
    document_arguments: Mapping[str, str] = field(default_factory=dict)
    min_pixels: int | None = None
    max_pixels: int | None = None
    max_tokens: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What of the protocol stands in results, as JSON."""
        return {
            "protocol": self.name,
            "place": self.place,
            "query": self.query,
            "document": self.document,
            "order": list(self.order),
            "query_arguments": dict(self.query_arguments),
            "document_arguments": dict(self.document_arguments),
            "min_pixels": self.min_pixels,
            "max_pixels": self.max_pixels,
            "max_tokens": self.max_tokens,
        }

    def make_words(self, item: Item) -> str:
        """What stands in the item's system turn or in front of its text, see ``place``; empty for nothing."""
        if item.side != "query":
            return self.document
        instruction = item.instruction.strip() or self.default_instruction
        if instruction and not unicodedata.category(instruction[-1]).startswith("P"):
            instruction += self.sentence_end
        words = self.query.replace("{instruction}", instruction)
        return words if instruction else words.lstrip()

    def make_text(self, item: Item) -> str:
        """The item's text, with the words in front if they belong there; words alone lose trailing white space."""
        if self.place != "text":
            return item.text
        words = self.make_words(item)
        return words + item.text if item.text else words.rstrip()

    def get_arguments(self, item: Item) -> Mapping[str, str]:
        """The further named values that go with the item."""
        return self.query_arguments if item.side == "query" else self.document_arguments

    def make_messages(self, item: Item, image: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The item as turns of a chat: the system turn, if there is one, and the user's.

        Args:
            item: the item. A query's text is a part of its turn even if it is empty, as is that of an item without an
                image.
            image: the part of the turn that stands for the item's image; None if it has none.
        """
        words = self.make_words(item) if self.place == "system" else ""
        text = self.make_text(item)
        parts: dict[Medium, Mapping[str, Any]] = {} if image is None else {"image": image}
        if text or item.side == "query" or image is None:
            parts["text"] = {"type": "text", "text": text}
        user = {"role": "user", "content": [parts[medium] for medium in self.order if medium in parts]}
        return [*([{"role": "system", "content": [{"type": "text", "text": words}]}] if words else []), user]


def read_protocols(table: Path = PROTOCOL_TABLE) -> dict[str, Protocol]:
    """Read a table of protocols: name of each row -> the protocol.

    Raises:
        EvalError: the file cannot be read, or a row has an unknown column or value; the message names the row.
    """
    rows = read_toml(table, EvalError)
    return {
        name: make_record(row, Protocol, f"{table.name}, [{name}]", EvalError, what="column", given={"name": name})
        for name, row in rows.items()
    }


@cache
def _read_own_protocols() -> Mapping[str, Protocol]:
    return read_protocols()


def select_protocol(model: str, wanted: str | None = None) -> Protocol:
    """The protocol of a model.

    Args:
        model: name of the model, such as a hub id or a folder.
        wanted: name of a protocol, or a TOML file with one; None takes the first row whose ``match`` occurs in the name
            of the model, else `DEFAULT_PROTOCOL`.

    Raises:
        UnknownName: there is no such protocol.
        EvalError: the file cannot be read, or holds no row or several.
    """
    known = _read_own_protocols()
    if wanted is None:
        name = model.lower()
        return next((row for row in known.values() if any(part in name for part in row.match)), known[DEFAULT_PROTOCOL])
    if wanted.endswith(".toml"):
        rows = read_protocols(Path(wanted))
        if len(rows) != 1:
            raise EvalError(f"{wanted}: holds {len(rows)} protocols; give a file with one.")
        return next(iter(rows.values()))
    if wanted not in known:
        raise UnknownName("protocol", wanted, known, f"it is one of {', '.join(known)}, or a TOML file with a row.")
    return known[wanted]
