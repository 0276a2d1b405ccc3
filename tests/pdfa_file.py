"""A PDF as its rules read it (`pdfa_rules`): every object that is reached, every content stream, the XMP packet."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from xml.etree import ElementTree

import pypdf
from pypdf.generic import ContentStream, DictionaryObject, StreamObject

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


@dataclass(frozen=True)
class File:
    """A PDF and what is read of it once."""

    data: bytes

    @cached_property
    def reader(self) -> pypdf.PdfReader:
        return pypdf.PdfReader(io.BytesIO(self.data), strict=True)

    @property
    def root(self) -> DictionaryObject:
        return self.reader.trailer["/Root"].get_object()  # type: ignore[return-value]

    @cached_property
    def objects(self) -> tuple[Any, ...]:
        """Every object that is reached, containers before what they hold."""
        return tuple(_reached(self.reader.trailer))

    def of(self, kind: type, key: str = "", value: str = "") -> Iterator[Any]:
        """Objects of a kind; with a key, those that have this value there."""
        found = (item for item in self.objects if isinstance(item, kind))
        return (item for item in found if not key or item.get(key) == value)

    @cached_property
    def contents(self) -> tuple[tuple[DictionaryObject, list[tuple[Any, bytes]]], ...]:
        """Each content stream (pages, forms) with its resources."""
        streams = [(page["/Contents"].get_object(), page.get("/Resources")) for page in self.reader.pages]
        streams += [(form, form.get("/Resources")) for form in self.of(StreamObject, "/Subtype", "/Form")]
        empty = DictionaryObject()
        return tuple(
            ((found or empty).get_object(), ContentStream(stream, self.reader).operations) for stream, found in streams
        )

    @cached_property
    def xmp(self) -> ElementTree.Element:
        packet = self.root["/Metadata"].get_data()  # type: ignore[attr-defined]
        return ElementTree.fromstring(packet[packet.index(b"<x:xmpmeta") : packet.index(b"</x:xmpmeta>") + 12])

    @cached_property
    def described(self) -> dict[str, str]:
        """Properties of the XMP packet by their qualified name; of lists, the first item."""
        found = {}
        for item in self.xmp.iter(f"{RDF}Description"):
            found |= {key: value for key, value in item.attrib.items() if not key.startswith(RDF)}
            for child in item:
                first = next(child.iter(f"{RDF}li"), child)
                found[child.tag] = first.text or ""
        return found


def _reached(start: Any) -> Iterator[Any]:
    seen, waiting = set[int](), [start]
    while waiting:
        item = waiting.pop()
        found = item.get_object() if hasattr(item, "get_object") else item
        if id(found) in seen and isinstance(found, (dict, list)):
            continue
        seen.add(id(found))
        yield found
        if isinstance(found, dict):
            waiting += [
                *found.keys(),
                *(found.raw_get(key) if hasattr(found, "raw_get") else found[key] for key in found),
            ]
        elif isinstance(found, list):
            waiting += list(found)
