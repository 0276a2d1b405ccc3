"""Is the PDF a PDF/A-3b? Each rule of `pdfa_rules` holds for a report, and has a control: a file that it refuses."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import report_factory as factory

from governance.case import open_case
from reports import press
from reports.evidence import gather
from reports.formats import Format, write
from reports.report import report_of

pypdf = pytest.importorskip("pypdf")
pdfa_rules = pytest.importorskip("pdfa_rules")

from pdfa_file import File  # noqa: E402
from pypdf.generic import (  # noqa: E402 (pypdf may be missing)
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)


def _has_pango() -> bool:
    try:
        press.engine()
    except press.LackingError:
        return False
    return True


pytestmark = pytest.mark.skipif(not _has_pango(), reason="this system has no Pango, which WeasyPrint needs")

Writer = pypdf.PdfWriter
ODD = "漢字 العربية 😀 𓀀"


def _printed(folder: Path, name: str) -> bytes:
    desk = factory.new_desk(folder)
    case = factory.record_case(desk, "2")
    factory.put_signature(desk, case, "compliance-officer", "compliance", reason="read")
    evidence = gather(desk, open_case(desk, "hiring", "2", "champion"))
    audit = factory.renamed(factory.audit_of("2"), "nonbinary", name)
    one = replace(
        audit,
        estimates=tuple(x for x in audit.estimates if x.features in {("sex",), ("sex", "age_band")})[:40],
        disparities=tuple(x for x in audit.disparities if x.features == ("sex",))[:4],
        quantities=(),
        stratified=(),
        unknown_bounds=(),
    )
    return write(report_of(replace(evidence, audit=one)), Format.PDF)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return _printed(tmp_path_factory.mktemp("plain"), "nonbinary")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A report with letters that few systems have a font for."""
    return _printed(tmp_path_factory.mktemp("odd"), ODD)


@pytest.fixture(scope="module")
def file(data: bytes) -> File:
    return File(data)


@pytest.mark.parametrize("rule", pdfa_rules.RULES)
def test_the_report_keeps_the_rule(file: File, rule: str) -> None:
    assert list(pdfa_rules.RULES[rule](file)) == []


def test_a_name_in_letters_without_a_font_breaks_no_rule_and_is_told(odd: bytes) -> None:
    assert pdfa_rules.faults(odd) == {}
    text = "".join("".join(page.extract_text().split()) for page in File(odd).reader.pages)
    assert re.search(r"\\u[0-9a-f]{4,5}", text) or "漢字" in text


# --- controls: what is done to a copy of the report, and the rule that must find it ----------------------------------


def _copy(data: bytes, change: Callable[[Writer], None] = lambda _: None) -> bytes:
    writer = Writer(clone_from=io.BytesIO(data))
    writer.pdf_header = "%PDF-1.7"
    change(writer)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def _named(**values: object) -> DictionaryObject:
    return DictionaryObject({NameObject(f"/{key}"): value for key, value in values.items()})


def _first(writer: Writer, key: str, value: str) -> DictionaryObject:
    found = (item for item in writer._objects if isinstance(item, DictionaryObject) and item.get(key) == value)
    return next(found)


def _set(key: str, value: str, name: str, new: object, writer: Writer) -> None:
    """In the first object that has this value there, another field."""
    _first(writer, key, value)[NameObject(name)] = new


def _without(key: str, value: str, name: str, writer: Writer) -> None:
    del _first(writer, key, value)[name]


def _drawing(extra: bytes, writer: Writer) -> None:
    """More operators at the end of the first page."""
    stream = DecodedStreamObject()
    stream.set_data(writer.pages[0]["/Contents"].get_object().get_data() + b"\n" + extra)
    writer.pages[0][NameObject("/Contents")] = writer._add_object(stream)


def _missing_letter(writer: Writer) -> None:
    font = next(iter(writer.pages[0]["/Resources"]["/Font"]))
    _drawing(b"BT " + font.encode() + b" 10 Tf <0000> Tj ET", writer)


def _wrong_widths(writer: Writer) -> None:
    for item in writer._objects:
        if isinstance(item, DictionaryObject) and item.get("/Subtype") == "/CIDFontType2":
            item[NameObject("/W")] = ArrayObject([NumberObject(1), NumberObject(7_000), NumberObject(333)])


def _glyph_set(writer: Writer) -> None:
    stream = DecodedStreamObject()
    stream.set_data(b"\x80")
    _first(writer, "/Type", "/FontDescriptor")[NameObject("/CIDSet")] = writer._add_object(stream)


def _metadata(old: bytes, new: bytes, writer: Writer) -> None:
    stream = StreamObject()
    packet = writer.root_object["/Metadata"].get_data()
    assert old in packet
    stream.set_data(packet.replace(old, new))
    writer.root_object[NameObject("/Metadata")] = writer._add_object(stream)


def _unassociated(writer: Writer) -> None:
    del writer.root_object["/AF"]


def _profile(writer: Writer) -> None:
    stream = DecodedStreamObject()
    stream.set_data(b"no profile" * 20)
    stream[NameObject("/N")] = NumberObject(3)
    writer.root_object["/OutputIntents"][0].get_object()[NameObject("/DestOutputProfile")] = writer._add_object(stream)


def _state(writer: Writer) -> None:
    next(iter(writer.pages[0]["/Resources"]["/ExtGState"].values())).get_object()[NameObject("/TR")] = NameObject("/Id")


def _script(writer: Writer) -> None:
    writer.root_object[NameObject("/OpenAction")] = _named(S=NameObject("/JavaScript"), JS=TextStringObject("x"))


ANNOTATION = ("/Subtype", "/Link")
CONTROLS: tuple[tuple[str, Callable[[Writer], None]], ...] = (
    ("trailer", lambda writer: setattr(writer, "_ID", None)),
    ("trailer", lambda writer: writer.encrypt("x", algorithm="RC4-128")),
    ("streams", partial(_set, "/Type", "/Metadata", "/FFilter", NameObject("/FlateDecode"))),
    ("limits", partial(_set, "/Type", "/Catalog", "/Lang", TextStringObject("x" * 40_000))),
    ("limits", partial(_set, "/Type", "/Catalog", "/Odd", NumberObject(2**31))),
    ("limits", partial(_set, "/Type", "/Catalog", "/Odd", NameObject("/" + "x" * 128))),
    ("nesting", partial(_drawing, b"q " * 29 + b"Q " * 29)),
    ("operators", partial(_drawing, b"xq7")),
    ("resources", partial(_drawing, b"/xq7 Do")),
    ("output intent", _profile),
    ("output intent", lambda writer: writer.root_object.__delitem__("/OutputIntents")),
    ("colours", partial(_drawing, b"0 0 0 1 k")),
    ("graphics states", _state),
    ("images and forms", partial(_set, "/Subtype", "/Form", "/OPI", DictionaryObject())),
    ("fonts are embedded", partial(_without, "/Type", "/FontDescriptor", "/FontFile2")),
    ("composite fonts", partial(_without, "/Subtype", "/CIDFontType2", "/CIDToGIDMap")),
    ("letters have unicode", partial(_without, "/Subtype", "/Type0", "/ToUnicode")),
    ("glyph sets", _glyph_set),
    ("no letter is missing", _missing_letter),
    ("widths", _wrong_widths),
    ("annotations", partial(_set, *ANNOTATION, "/F", NumberObject(0))),
    ("annotations", partial(_set, *ANNOTATION, "/Subtype", NameObject("/Movie"))),
    ("actions", _script),
    ("actions", partial(_set, *ANNOTATION, "/A", _named(S=NameObject("/Launch")))),
    ("metadata", partial(_metadata, b'begin=""', b'begin="" bytes="99"')),
    ("metadata", lambda writer: writer.root_object.__delitem__("/Metadata")),
    ("identification", partial(_metadata, b'pdfaid:conformance="B"', b'pdfaid:conformance="A"')),
    ("metadata is the documents", lambda writer: writer.add_metadata({"/Title": "another"})),
    ("metadata is the documents", lambda writer: writer.add_metadata({"/ModDate": "D:20200101000000Z"})),
    ("attached files", partial(_without, "/Type", "/Filespec", "/AFRelationship")),
    ("attached files", partial(_without, "/Type", "/EmbeddedFile", "/Subtype")),
    ("attached files", _unassociated),
    ("nothing optional", partial(_set, "/Type", "/Catalog", "/OCProperties", DictionaryObject())),
)
BYTES: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("header", lambda data: data.replace(b"%PDF-1.7", b"%PDF-2.0", 1)),
    ("header", lambda data: b"\n" + data),
    ("end", lambda data: data + b"more"),
)


def _rule(name: str) -> Callable[[object], object]:
    [found] = (rule for key, rule in pdfa_rules.RULES.items() if key.partition(" ")[2] == name)
    return found


def test_a_copy_that_nothing_is_done_to_keeps_every_rule(data: bytes) -> None:
    assert pdfa_rules.faults(_copy(data)) == {}


@pytest.mark.parametrize("at", range(len(CONTROLS)), ids=lambda at: f"{at}-{CONTROLS[at][0].replace(' ', '-')}")
def test_the_rule_finds_what_is_wrong(data: bytes, at: int) -> None:
    name, change = CONTROLS[at]
    assert list(_rule(name)(File(_copy(data, change))))


@pytest.mark.parametrize("at", range(len(BYTES)))
def test_the_rule_finds_what_is_wrong_in_the_bytes(data: bytes, at: int) -> None:
    name, change = BYTES[at]
    assert not list(_rule(name)(File(data)))
    assert list(_rule(name)(File(change(data))))


def test_every_rule_has_a_control() -> None:
    assert {key.partition(" ")[2] for key in pdfa_rules.RULES} == {name for name, _ in (*CONTROLS, *BYTES)}
