"""Names of files, made from names that may hold anything. Pure."""

from __future__ import annotations

from governance.case import Case


def file_stem(name: str) -> str:
    """A file name without ending: letters, digits and -_. of ASCII, everything else is an underscore."""
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in name)
    return safe.lstrip(".")[:150] or "report"


def report_name(case: Case, suffix: str, ending: str) -> str:
    """The name of a report of this case.

    `suffix` keeps another kind of report of the same case (one for publication) apart from it.
    """
    stem = file_stem(f"{case.subject.name}-v{case.subject.version}-{case.target.alias}{suffix}")
    return f"{stem}.{ending}"
