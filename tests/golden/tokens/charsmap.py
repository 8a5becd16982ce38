"""SentencePiece's character map: a double-array trie (Darts) from characters to their normal form."""

import base64
import struct
import unicodedata


def normal_forms() -> dict[str, str]:
    """What a NFKC map of SentencePiece says about some characters of each sort."""
    forms = {chr(c): "" for c in [*range(1, 9), 0xB, *range(0xE, 0x20), 0x7F]}
    forms |= {chr(c): " " for c in [9, 0xA, 0xC, 0xD, 0x200B, 0x200E, 0x2028, 0xFEFF]}
    ranges = [(0xA0, 0xBF), (0x2000, 0x200A), (0x2070, 0x209C), (0x2150, 0x217F), (0x2460, 0x24FF), (0x3000, 0x3001)]
    ranges += [(0xFB00, 0xFB06), (0xFDFA, 0xFDFB), (0xFF01, 0xFF9F), (0x1F100, 0x1F10A)]
    for first, last in ranges:
        for char in map(chr, range(first, last + 1)):
            normal = unicodedata.normalize("NFKC", char)
            if normal != char:
                forms[char] = normal
    for base in "aeiounAEIOUN":
        for accent in "\u0300\u0301\u0302\u0303\u0308":
            forms[base + accent] = unicodedata.normalize("NFKC", base + accent)
    return forms


def charsmap(forms: dict[str, str]) -> str:
    """`forms` as a file has it: length of the trie, the trie, the forms with a zero byte after each, in base64."""
    blob, places = b"", {}
    for form in sorted(set(forms.values())):
        places[form] = len(blob)
        blob += form.encode() + b"\0"
    trie = double_array({key.encode(): places[form] for key, form in forms.items()})
    return base64.b64encode(struct.pack(f"<I{len(trie)}I", 4 * len(trie), *trie) + blob).decode()


def double_array(values: dict[bytes, int]) -> list[int]:
    """A node's children lie at its base xor their byte; its own value, if it has one, at the base itself."""
    units: dict[int, int] = {0: 0}
    taken: set[int] = set()

    def place(at: int, label: int, keys: list[bytes], depth: int) -> None:
        labels = sorted({key[depth] for key in keys if len(key) > depth})
        value = next((values[key] for key in keys if len(key) == depth), None)
        slots = labels + [0] * (value is not None)
        base = next(b for b in range(1, 1 << 21) if b not in taken and all(b ^ slot not in units for slot in slots))
        taken.add(base)
        units[at] = (at ^ base) << 10 | (value is not None) << 8 | label
        units.update({base ^ slot: 0 for slot in slots})
        if value is not None:
            units[base] = value | 1 << 31
        for child in labels:
            place(base ^ child, child, [key for key in keys if len(key) > depth and key[depth] == child], depth + 1)

    place(0, 0, sorted(values), 0)
    return [units.get(at, 0) for at in range((max(units) | 255) + 1)]
