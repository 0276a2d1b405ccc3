"""Tags that only Fairgate may speak in: everything that is, or looks like, the prefix `governance.`."""

from __future__ import annotations

import unicodedata

PREFIX = "governance."
_WORD = PREFIX.rstrip(".")
_INVISIBLE = {"Cc", "Cf", "Cs", "Mn", "Me", "Zs", "Zl", "Zp"}


def is_reserved(key: object) -> bool:
    """Whether a tag's key is `governance` or begins with `governance.`, in any case and in any disguise.

    Compatibility forms (full width, one-dot leaders) are folded by NFKC, marks and invisible characters dropped. A
    letter outside ASCII in the first word counts as the letter that it may imitate, so a mixed word of that length
    is reserved too; a word without a single ASCII letter of `governance` in its place is somebody's own language.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", str(key))).casefold()
    seen = "".join(char for char in folded if unicodedata.category(char) not in _INVISIBLE)
    word = seen.partition(".")[0]
    if len(word) != len(_WORD):
        return False
    same = [char == ours for char, ours in zip(word, _WORD, strict=True)]
    return any(same) and all(ok or not char.isascii() for ok, char in zip(same, word, strict=True))
