"""Which names of classes, variants and policies are let in: each can be read, told from the others, and name a file.

Sources: Unicode Technical Standard 39 (Unicode Security Mechanisms), sections 4 (confusables) and 5.1 (mixed scripts),
of whose table LOOKS holds the Cyrillic and Greek letters that look like Latin ones; Unicode Annex 31, 2.3 (joiners);
Microsoft, Naming Files, Paths, and Namespaces (reserved names, ends of names).
"""

import collections
import re
import unicodedata
from collections.abc import Iterable

LONGEST = 100  # bytes in UTF-8: file systems take 255, and names of files hold more than one name
LATIN = "ABCEHIJKMOPSTXY acdehijopqsvwxy"
CYRILLIC = "АВСЕНІЈКМОРЅТХУ асԁеһіјорԛѕѵԝху"
GREEK, LATIN_OF_GREEK = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ ινορυ", "ABEZHIKMNOPTYX ivopu"
LOOKS = {ord(letter): latin for letter, latin in zip(CYRILLIC + GREEK, LATIN + LATIN_OF_GREEK, strict=True)}
SCRIPTS = ("LATIN", "CYRILLIC", "GREEK")  # as the names of characters begin
JOINERS = "\u200c\u200d"  # which Persian and Indic words need between letters
UNSEEN = {ord(character): None for character in JOINERS} | {place: None for place in range(0xFE00, 0xFE10)}
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\..*)?", re.IGNORECASE)


def trouble(name: str) -> str:
    """Why a name is not let in, as the end of a sentence that begins with it; "" where it is."""
    if not name.strip():
        return "is blank"
    if unprinted := sorted({character for character in _without_joiners(name) if not character.isprintable()}):
        return f"holds what does not print: {', '.join(map(ascii, unprinted))}"
    if (size := len(name.encode("utf-8"))) > LONGEST:
        return f"is {size:,} bytes long in UTF-8, over the limit of {LONGEST}"
    if RESERVED.fullmatch(name):
        return "is a name that Windows keeps for a device"
    if name[-1] in ". ":
        return f"ends in a {'dot' if name[-1] == '.' else 'space'}, which Windows takes away"
    if scripts := _mixed(name):
        return f"has a word of {' and '.join(script.title() for script in scripts)} letters that look alike"
    return ""


def shortened(name: str) -> str:
    """The beginning of a name that is too long to be shown."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}…"


def spelt(name: str) -> str:
    """A name in quotes, beside its code points where it is not of ASCII, for it may look like another."""
    return repr(name) if name.isascii() else f"{name!r} ({ascii(name)[1:-1]})"


def alike(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Names that a reader, or a file system, may take for each other, of which each group has two or more, sorted.

    They are the same, or differ in case, spaces around them, forms of one letter (Unicode's NFKC), or in letters that
    look alike.
    """
    found = collections.defaultdict(list)
    for name in names:
        found[_skeleton(name)].append(name)
    return sorted(tuple(sorted(group)) for group in found.values() if len(group) > 1)


def _skeleton(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name.translate(UNSEEN)).translate(LOOKS)
    return unicodedata.normalize("NFKC", plain.casefold()).translate(LOOKS).strip()


def _without_joiners(name: str) -> str:
    """The name without joiners that stand between letters which are not of ASCII."""
    return re.sub(rf"(?<=[^\x00-\x7f])[{JOINERS}](?=[^\x00-\x7f])", "", name)


def _mixed(name: str) -> list[str]:
    """Scripts that one word mixes, where letters of one look like those of another.

    Greek letters that do not are let pass: TGFβ, µm.
    """
    for word in re.findall(r"[^\W\d_]+", name):
        letters = [letter for letter in word if ord(letter) < 128 or ord(letter) in LOOKS or not _is(letter, "GREEK")]
        scripts = [script for script in SCRIPTS if any(_is(letter, script) for letter in letters)]
        if len(scripts) > 1:
            return scripts
    return []


def _is(letter: str, script: str) -> bool:
    return unicodedata.name(letter, "").startswith(f"{script} ")
