"""What ISO 19005-3 (PDF/A-3), level B, asks of a file, as far as a parser sees it: clause, rule, and the faults found.

No validator of PDF/A is to be had as a package of Debian, PyPI or npm. Each rule has a control in test_pdfa.py that
fails it. Not checked: what is inside ICC profiles and font programs beyond heads and widths, bytes between objects.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

from fontTools.ttLib import TTFont
from pdfa_file import File
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, StreamObject

FILTERS = {"/ASCIIHexDecode", "/ASCII85Decode", "/FlateDecode", "/RunLengthDecode", "/CCITTFaxDecode"}
FILTERS |= {"/JBIG2Decode", "/DCTDecode", "/JPXDecode"}
BLENDS = {"/Normal", "/Compatible", "/Multiply", "/Screen", "/Overlay", "/Darken", "/Lighten", "/ColorDodge"}
BLENDS |= {"/ColorBurn", "/HardLight", "/SoftLight", "/Difference", "/Exclusion", "/Hue", "/Saturation", "/Color"}
OPERATORS = {*"bBcdfFGghijJkKlmMnqQsSvwWy", "'", '"', "b*", "B*", "f*", "W*", "T*", "d0", "d1"}
OPERATORS |= {"BDC", "BI", "BMC", "BT", "BX", "cm", "CS", "cs", "Do", "DP", "EI", "EMC", "ET", "EX", "gs", "ID", "MP"}
OPERATORS |= {"re", "RG", "rg", "ri", "SC", "sc", "SCN", "scn", "sh", "Tc", "Td", "TD", "Tf", "Tj", "TJ", "TL", "Tm"}
OPERATORS |= {"Tr", "Ts", "Tw", "Tz"}
ACTIONS = {"/GoTo", "/GoToR", "/GoToE", "/URI", "/Thread", "/Named", "/SubmitForm"}
PRINT, UNSEEN = 4, 1 | 2 | 32 | 256
"""Flags of an annotation: to be printed; Invisible, Hidden, NoView, ToggleNoView."""
NAMESPACES = {
    "http://www.aiim.org/pdfa/ns/id/": "pdfaid",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/pdf/1.3/": "pdf",
    "http://ns.adobe.com/xap/1.0/": "xmp",
}
PDFA, DC, XMP = (f"{{{url}}}" for url, name in NAMESPACES.items() if name != "pdf")
MOST_NESTED, LONGEST_STRING, LONGEST_NAME = 28, 32_767, 127


Rule = Callable[[File], Iterator[str]]
RULES: dict[str, Rule] = {}


def _rule(clause: str) -> Callable[[Rule], Rule]:
    def kept(rule: Rule) -> Rule:
        RULES[f"{clause} {rule.__name__.strip('_').replace('_', ' ')}"] = rule
        return rule

    return kept


@_rule("6.1.2")
def _header(file: File) -> Iterator[str]:
    if not re.match(rb"%PDF-1\.[0-7]\r?\n%[\x80-\xff]{4}", file.data):
        yield "the header is not %PDF-1.n with a comment of four bytes above 127"


@_rule("6.1.3")
def _trailer(file: File) -> Iterator[str]:
    names = file.reader.trailer.get("/ID", ())
    if len(names) != 2 or not all(len(name) for name in names):
        yield "no /ID of two strings in the trailer"
    if "/Encrypt" in file.reader.trailer:
        yield "it is encrypted"


@_rule("6.1.3")
def _end(file: File) -> Iterator[str]:
    if not re.search(rb"%%EOF\r?\n?\Z", file.data):
        yield "something follows the end"


@_rule("6.1.7")
def _streams(file: File) -> Iterator[str]:
    for stream in file.of(StreamObject):
        yield from (f"a stream has {key}" for key in ("/F", "/FFilter", "/FDecodeParms") if key in stream)
        filters = stream.get("/Filter", [])
        named = filters if isinstance(filters, ArrayObject) else [filters]
        yield from (f"the filter {name}" for name in named if name not in FILTERS)


@_rule("6.1.13")
def _limits(file: File) -> Iterator[str]:
    for item in file.objects:
        if isinstance(item, NameObject) and len(item.encode()) > LONGEST_NAME + 1:
            yield f"a name of {len(item)} bytes"
        elif isinstance(item, (str, bytes)) and len(_bytes(item)) > LONGEST_STRING:
            yield f"a string of {len(item)} characters"
        elif isinstance(item, int) and not -(2**31) <= item < 2**31:
            yield f"the number {item}"
    for page in file.reader.pages:
        if not all(3 <= side <= 14_400 for side in (page.mediabox.width, page.mediabox.height)):
            yield f"a page of {page.mediabox}"


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-16")


@_rule("6.1.13")
def _nesting(file: File) -> Iterator[str]:
    for _, operations in file.contents:
        depth = deepest = 0
        for _, operator in operations:
            depth += (operator == b"q") - (operator == b"Q")
            deepest = max(deepest, depth)
        if deepest > MOST_NESTED or depth:
            yield f"q nested {deepest} deep, {depth} left open"


@_rule("6.2.2")
def _operators(file: File) -> Iterator[str]:
    for _, operations in file.contents:
        unknown = {operator.decode() for _, operator in operations} - OPERATORS - {"INLINE IMAGE"}
        yield from (f"the operator {name}" for name in sorted(unknown))


@_rule("6.2.2")
def _resources(file: File) -> Iterator[str]:
    kinds = {b"Tf": "/Font", b"gs": "/ExtGState", b"Do": "/XObject", b"sh": "/Shading"}
    for resources, operations in file.contents:
        for operands, operator in operations:
            kind = kinds.get(operator)
            if kind and operands[0] not in resources.get(kind, {}):
                yield f"{operands[0]} is no {kind} of the stream's own resources"


@_rule("6.2.3")
def _output_intent(file: File) -> Iterator[str]:
    intents = [item.get_object() for item in file.root.get("/OutputIntents", ())]
    mine = [item for item in intents if item.get("/S") == "/GTS_PDFA1"]
    if len(mine) != 1:
        yield f"{len(mine)} output intents of PDF/A"
        return
    if "/DestOutputProfile" not in mine[0]:
        yield "the output intent has no profile"
        return
    yield from _profile(mine[0]["/DestOutputProfile"].get_object(), (b"mntr", b"prtr"))


def _profile(stream: Any, classes: tuple[bytes, ...]) -> Iterator[str]:
    data, spaces = stream.get_data(), {3: b"RGB ", 1: b"GRAY", 4: b"CMYK"}
    if data[36:40] != b"acsp" or data[12:16] not in classes or int.from_bytes(data[:4], "big") != len(data):
        yield "an ICC profile is none, or of another class"
    elif data[8] > 4 or data[16:20] != spaces.get(stream.get("/N")):
        yield f"an ICC profile of {data[16:20]!r}, version {data[8]}, said to have {stream.get('/N')} colours"


@_rule("6.2.4")
def _colours(file: File) -> Iterator[str]:
    for array in file.of(ArrayObject):
        if array and array[0] == "/ICCBased":
            yield from _profile(array[1].get_object(), (b"mntr", b"prtr", b"scnr", b"spac"))
        elif array and array[0] in ("/DeviceN", "/Separation"):
            yield f"a colour space {array[0]}"
    for _, operations in file.contents:
        for operands, operator in operations:
            if operator in (b"k", b"K") or (operator in (b"cs", b"CS") and operands[0] == "/DeviceCMYK"):
                yield "DeviceCMYK, and the output intent has RGB"


@_rule("6.2.5")
def _graphics_states(file: File) -> Iterator[str]:
    for resources, _ in file.contents:
        for state in (item.get_object() for item in resources.get("/ExtGState", {}).values()):
            yield from (f"a graphics state has {key}" for key in ("/TR", "/HTP") if key in state)
            if state.get("/TR2", "/Default") != "/Default" or state.get("/BM", "/Normal") not in BLENDS:
                yield f"a graphics state with {state}"


@_rule("6.2.8")
def _images_and_forms(file: File) -> Iterator[str]:
    for item in (*file.of(StreamObject, "/Subtype", "/Image"), *file.of(StreamObject, "/Subtype", "/Form")):
        yield from (
            f"a picture has {key}" for key in ("/Alternates", "/OPI", "/PS", "/Ref", "/Subtype2") if key in item
        )
        if item.get("/Interpolate"):
            yield "a picture is interpolated"
    if next(file.of(StreamObject, "/Subtype", "/PS"), None) is not None:
        yield "PostScript"


def _fonts(file: File) -> Iterator[DictionaryObject]:
    yield from (
        x for x in file.of(DictionaryObject, "/Type", "/Font") if not x.get("/Subtype", "").startswith("/CIDFont")
    )


def _program(font: DictionaryObject) -> tuple[DictionaryObject, DictionaryObject, bytes | None]:
    """A composite font's descendant and descriptor, and its embedded program."""
    drawn = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
    about = drawn.get("/FontDescriptor", DictionaryObject()).get_object()
    streams = [about[key].get_object().get_data() for key in ("/FontFile", "/FontFile2", "/FontFile3") if key in about]
    return drawn, about, streams[0] if streams else None


@_rule("6.2.11.4.1")
def _fonts_are_embedded(file: File) -> Iterator[str]:
    fonts = list(_fonts(file))
    if not fonts:
        yield "no font at all"
    yield from (f"{font.get('/BaseFont')} is not embedded" for font in fonts if _program(font)[2] is None)


@_rule("6.2.11.3")
def _composite_fonts(file: File) -> Iterator[str]:
    for font in _fonts(file):
        if font.get("/Subtype") != "/Type0" or font.get("/Encoding") != "/Identity-H":
            yield f"{font.get('/BaseFont')} is no composite font with Identity-H"
        elif "/CIDToGIDMap" not in _program(font)[0]:
            yield f"{font.get('/BaseFont')} has no CIDToGIDMap"


@_rule("6.2.11.7")
def _letters_have_unicode(file: File) -> Iterator[str]:
    yield from (f"{font.get('/BaseFont')} has no ToUnicode" for font in _fonts(file) if "/ToUnicode" not in font)


@_rule("6.2.11.4.2")
def _glyph_sets(file: File) -> Iterator[str]:
    for font in _fonts(file):
        _, about, program = _program(font)
        if "/CIDSet" in about and program:
            bits = about["/CIDSet"].get_object().get_data()
            count = TTFont(io.BytesIO(program))["maxp"].numGlyphs
            if not all(
                bits[at // 8] & (128 >> at % 8) for at in range(count) if at // 8 < len(bits)
            ) or count > 8 * len(bits):
                yield f"the CIDSet of {font['/BaseFont']} does not list its glyphs"


def _shown(file: File) -> Iterator[tuple[DictionaryObject, set[int]]]:
    """Each font with the glyphs that texts show in it."""
    used: dict[int, tuple[DictionaryObject, set[int]]] = {}
    for resources, operations in file.contents:
        current: set[int] = set()
        for operands, operator in operations:
            if operator == b"Tf" and operands[0] in resources.get("/Font", {}):
                font = resources["/Font"][operands[0]].get_object()
                current = used.setdefault(id(font), (font, set()))[1]
            elif operator in (b"Tj", b"TJ"):
                for text in operands[0] if operator == b"TJ" else operands:
                    if isinstance(text, (str, bytes)):
                        raw = text if isinstance(text, bytes) else text.original_bytes
                        current |= {int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)}
    yield from used.values()


@_rule("6.2.11.8")
def _no_letter_is_missing(file: File) -> Iterator[str]:
    for font, glyphs in _shown(file):
        program = _program(font)[2]
        count = TTFont(io.BytesIO(program))["maxp"].numGlyphs if program else 0
        yield from (f"{font['/BaseFont']} shows glyph {at} of {count}" for at in sorted(glyphs) if not 0 < at < count)


@_rule("6.2.11.5")
def _widths(file: File) -> Iterator[str]:
    for font, glyphs in _shown(file):
        drawn, _, program = _program(font)
        if program is None:
            continue
        face, said = TTFont(io.BytesIO(program)), _said_widths(drawn)
        names, scale = face.getGlyphOrder(), 1000 / face["head"].unitsPerEm
        for at in sorted(glyphs & set(range(len(names)))):
            width = face["hmtx"][names[at]][0] * scale
            if abs(said.get(at, drawn.get("/DW", 1000)) - width) > 1:
                yield f"{font['/BaseFont']}: glyph {at} is {width:.0f} wide and said to be {said.get(at)}"


def _said_widths(drawn: DictionaryObject) -> dict[int, float]:
    found, listed = dict[int, float](), list(drawn.get("/W", ArrayObject()).get_object())
    while listed:
        first, then = listed.pop(0), listed.pop(0).get_object()
        if isinstance(then, ArrayObject):
            found |= {int(first) + at: float(width) for at, width in enumerate(then)}
        else:
            found |= dict.fromkeys(range(int(first), int(then) + 1), float(listed.pop(0)))
    return found


@_rule("6.3")
def _annotations(file: File) -> Iterator[str]:
    for page in file.reader.pages:
        for item in (found.get_object() for found in page.get("/Annots", ())):
            flags = int(item.get("/F", 0))
            if item.get("/Subtype") != "/Link" or not flags & PRINT or flags & UNSEEN:
                yield f"an annotation {item.get('/Subtype')} with the flags {flags}"


@_rule("6.5")
def _actions(file: File) -> Iterator[str]:
    for item in file.of(DictionaryObject):
        if "/AA" in item or (item.get("/S") in {"/JavaScript", "/Launch"}) or "/JS" in item:
            yield f"it can run something: {sorted(item)}"
        action = item.get("/A") if item.get("/Subtype") == "/Link" else item.get("/OpenAction")
        if isinstance(action, DictionaryObject) and action.get("/S") not in ACTIONS:
            yield f"the action {action.get('/S')}"
    if "/JavaScript" in file.root.get("/Names", {}):
        yield "a script by name"


@_rule("6.6.2")
def _metadata(file: File) -> Iterator[str]:
    if "/Metadata" not in file.root:
        yield "no metadata"
        return
    packet = file.root["/Metadata"].get_data()  # type: ignore[attr-defined]
    opening = packet.partition(b"?>")[0]
    if b"bytes=" in opening or b"encoding=" in opening:
        yield "the packet's header has bytes or encoding"
    packet.decode("utf-8")
    unknown = {key.partition("}")[0].strip("{") for key in file.described} - set(NAMESPACES)
    yield from (f"properties of {name}" for name in sorted(unknown))


@_rule("6.6.4")
def _identification(file: File) -> Iterator[str]:
    said = (file.described.get(f"{PDFA}part"), file.described.get(f"{PDFA}conformance"))
    if said != ("3", "B") or b"pdfaid:part" not in file.root["/Metadata"].get_data():  # type: ignore[attr-defined]
        yield f"it says that it is {said}"


@_rule("6.6.3")
def _metadata_is_the_documents(file: File) -> Iterator[str]:
    about = file.reader.metadata
    said = {"title": about.title, "creator": about.author, "description": about.subject} if about else {}
    for name, value in said.items():
        if file.described.get(f"{DC}{name}", value) != value:
            yield f"{name} is {value!r} and {file.described[f'{DC}{name}']!r}"
    for name, day in (("CreateDate", about.creation_date), ("ModifyDate", about.modification_date)) if about else ():
        written = file.described.get(f"{XMP}{name}", "")
        if day is None or re.sub(r"\D", "", written)[:14] != f"{day:%Y%m%d%H%M%S}":
            yield f"{name} is {day} and {written}"


@_rule("6.8")
def _attached_files(file: File) -> Iterator[str]:
    named = [item.get_object() for item in file.root.get("/AF", ())]
    for item in file.of(DictionaryObject, "/Type", "/Filespec"):
        lacking = [key for key in ("/F", "/UF", "/AFRelationship", "/EF") if key not in item]
        held = item.get("/EF", {}).get("/F", DictionaryObject()).get_object()
        lacking += [key for key in ("/Subtype", "/Params") if key not in held]
        if lacking or "/ModDate" not in held["/Params"]:
            yield f"a file without {lacking or 'its date'}"
        elif not any(item is other for other in named):
            yield "a file that is not associated"


@_rule("6.9-6.11")
def _nothing_optional(file: File) -> Iterator[str]:
    unwanted = {"/OCProperties", "/Requirements", "/NeedsRendering", "/AcroForm", "/Perms"} & set(file.root)
    yield from sorted(unwanted)
    if "/AlternatePresentations" in file.root.get("/Names", {}) or any("/PresSteps" in x for x in file.reader.pages):
        yield "presentations"


def faults(data: bytes) -> dict[str, list[str]]:
    """What each rule finds in a file; rules that find nothing are left out."""
    file = File(data)
    found = {name: list(rule(file)) for name, rule in RULES.items()}
    return {name: said for name, said in found.items() if said}
