"""The file of channels is read strictly, and no message repeats an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.news_kinds import Kind
from flows.notify_file import MAX_BYTES, read_channels
from governance.errors import ConfigurationError

SECRET = "hunter2-never-printed"
GOOD = f"""
[notify]
schemes = ["json", "mailtos"]

[[channels]]
name = "officers"
url = "json://user:{SECRET}@hooks.example/path"
functions = ["compliance"]

[[channels]]
name = "anna"
url = "mailtos://anna:{SECRET}@example.org"
persons = ["anna"]
kinds = ["held", "expiring"]
"""


def _file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "notify.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_channels_say_who_is_told_of_what(tmp_path: Path) -> None:
    found = read_channels(_file(tmp_path, GOOD))
    officers, anna = found.channels
    assert (officers.name, officers.functions, officers.kinds) == ("officers", ("compliance",), tuple(Kind))
    assert (anna.persons, anna.kinds) == (("anna",), (Kind.HELD, Kind.EXPIRING))
    assert found.fold_above == 5
    assert SECRET not in repr(found)


MISTAKES = {
    "unknown key": (GOOD.replace("functions", "function"), "unknown key; did you mean 'functions'"),
    "unknown table": (f"{GOOD}\n[other]\n", "unknown key"),
    "no head": ("[[channels]]\n", "[notify] is missing"),
    "no schemes": ("[notify]\n[[channels]]\n", "[notify] schemes"),
    "scheme with a url": (GOOD.replace('"json",', f'"json://{SECRET}",'), "[notify] schemes"),
    "no channels": ('[notify]\nschemes = ["json"]\n', "[[channels]]"),
    "scheme not allowed": (GOOD.replace('"json", ', ""), "uses json://, and [notify] schemes allows: mailtos"),
    "no scheme": (GOOD.replace("json://user:", "user:"), "not of the form"),
    "upper case scheme": (GOOD.replace("json://user:", "JSON://user:"), "not of the form"),
    "url over two lines": (GOOD.replace("/path", "/pa\\nth"), "one printable line"),
    "url is a number": (GOOD.replace(f'"json://user:{SECRET}@hooks.example/path"', "7"), "needs a url"),
    "tells nobody": (GOOD.replace('functions = ["compliance"]', ""), "tells nobody"),
    "functions is a text": (GOOD.replace('["compliance"]', '"compliance"'), "not a list of texts"),
    "unknown kind": (GOOD.replace('"held"', '"hold"'), "kinds: write some of: held, refused"),
    "no kind": (GOOD.replace('["held", "expiring"]', "[]"), "kinds: write some of"),
    "same name": (GOOD.replace('"anna"\n', '"officers"\n', 1), "two channels are called 'officers'"),
    "bad name": (GOOD.replace('"officers"', '"An Officer"'), "number 1 needs a name"),
    "fold": (GOOD.replace("[notify]", "[notify]\nfold_above = true"), "fold_above"),
    "not TOML": (f"{GOOD}\nurl = json://{SECRET}", "is not valid TOML in UTF-8 (at line"),
    "key twice": (f'{GOOD}\nname = "anna"', "is not valid TOML"),
    "deep": ("a = " + "[" * 5_000, "flatter"),
    "too large": (GOOD + "#" * MAX_BYTES, "at most 262,144"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_each_mistake_is_told_without_the_secret(tmp_path: Path, what: str) -> None:
    text, words = MISTAKES[what]
    with pytest.raises(ConfigurationError) as caught:
        read_channels(_file(tmp_path, text))
    assert words in str(caught.value)
    shown: BaseException | None = caught.value
    while shown is not None:  # what a traceback would print, too
        assert SECRET not in str(shown)
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o666])
def test_a_file_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_channels(_file(tmp_path, GOOD, mode))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"FAIRGATE_NOTIFY names .*nowhere\.toml"):
        read_channels(tmp_path / "nowhere.toml")
