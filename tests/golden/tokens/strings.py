"""The strings: written here one by one where it matters, the rest drawn with a fixed seed."""

import unicodedata
from random import Random

from .words import CODE, FREQUENT, OTHERS

WRITTEN = [
    "", " ", "  ", "\n", "\r\n", "\t", "\0", "a", " a", "a ", "  a  b  ", "a\n\nb", "a \n b", "a\t\tb", "\n a", "\r a\r",
    "Hello, world!", "hello world", "HELLO WORLD", "The quick brown fox jumps over the lazy dog.",
    "I'm sure they've said it's what we'd do; you'll see, don't you?", "I'M SURE THEY'VE SAID IT'S", "'s 't 're 've 'm 'll 'd",
    "''", "``quoted'' text", "\"quoted\"", "it’s “quoted” – isn’t it…", "rock'n'roll", "o'clock's", "'S'T'RE", "don 't do not",
    "a,b;c:d.e!f?g", "...", "?!?!", "a . b , c ! d ?", "-- --- ----", "(((nested) brackets) [and] {more})", "a/b\\c|d", "#tag @you",
    "##ing", "# # ##", "▁", "▁a", "a▁b", "▁▁", "Ġ", "Ġa", "aĠb", "Ċ", "<0x41>", "<0xE4><0xB8>", "<0x", "�", "a�b", "��",
    "0", "7", "42", "2048", "1234567890", "3.14159", "1,000,000.00", "-1e-9", "0xff", "1/2", "½", "x²+y³", "10%", "$9.99", "№5",
    "Ⅻ ⅷ ① ⑳ ₂ ⁿ", "१२३ ٣٤٥ 六七 ๑๒", "12345abc678", "v1.2.3-rc4", "2024-02-29T23:59:59Z", "192.168.0.1:8080",
    "https://example.org/a/b?c=d&e=%20f#g", "name@example.org", "C:\\Users\\a b\\c.txt", "/usr/local/bin", "snake_case", "CamelCase",
    "kebab-case", "SCREAMING_CASE", "i += 1; // comment", "a = b if c else d", "if (a && b || !c) { return; }", "x -> y => z",
    "let s = &mut *v;", "#include <stdio.h>\nint main(void) { return 0; }", "\\begin{align} \\frac{1}{2} \\end{align}", "$\\sum_{i=0}^n i$",
    "<a href=\"#\">b</a>", "{\"a\": [1, null, true]}", "key: 'value'\n  - item\n", "\tif x:\n\t\treturn\n", "    four\n        eight\n",
    "print(f\"{x:>8.3f}\")", "std::vector<std::pair<int, int>>", "a<b>c", "a  =  b", "/* a */", "<!-- a -->", "`code`", "~~~", "^_^", ":-)",
    "naïve café résumé", "nai\u0308ve cafe\u0301 re\u0301sume\u0301", "e\u0301", "e\u0323\u0302", "e\u0302\u0323", "\u0301", " \u0301", "a\u0301\u0301\u0301",
    "Z\u0351\u036b\u0343\u036aa\u0328l\u0334g\u0321o\u0489", "ﬁne ﬂow oﬃce ﬆ", "ＦＵＬＬ　ｗｉｄｔｈ！", "ｶﾞｷﾞ", "㎏ ㎢ ㍿ ﷺ", "Å Å Å", "Ω Ω", "ﬀ",
    "Straße STRASSE ẞ ß", "İstanbul ı I i İ", "ΣΑΣ σας ς", "ǅ ǆ Ǆ", "ŉ", "ſ 'ſ", "K k", "Ꭰꭰ",
    "你好，世界！", "我爱北京天安门", "漢字とかなとカナ", "こんにちは、元気ですか？", "ﾊﾛｰ", "한국어 문장입니다.", "\u1112\u1161\u11ab\u1100\u116e\u11a8", "한\u11a8",
    "𠀀𠮷野家", "豈更車", "〇一二", "〜～", "「括弧」『』【】", "Привет, мир!", "ёж й", "Γειά σου Κόσμε", "Ελληνικά", "שלום עולם", "שָׁלוֹם",
    "مرحبا بالعالم", "اَلْعَرَبِيَّةُ", "ﻻ ﷲ", "السلام‌علیکم", "नमस्ते दुनिया", "क्षत्रिय", "हिन्दी में", "বাংলা", "தமிழ்", "తెలుగు", "ಕನ್ನಡ", "മലയാളം",
    "ไทย ภาษาไทย", "ລາວ", "မြန်မာ", "ខ្មែរ", "བོད་", "ქართული", "հայերեն", "አማርኛ", "ᏣᎳᎩ", "ᐃᓄᒃᑎᑐᑦ", "Tiếng Việt có dấu",
    "🙂", "🙂🙂🙂", "a🙂b", "👍👍🏻👍🏽👍🏿", "👩‍👩‍👧‍👦", "🧑🏽‍🚀", "🏳️‍🌈 🏴‍☠️", "🇩🇪🇫🇷🇯🇵", "🇩", "1️⃣ #️⃣", "❤️ ❤", "☃︎ ☃️", "🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F",
    "\u200d", "a\u200db", "\u200b", "a\u200bb", "\u00a0a\u00a0", "\u2003a\u3000b", "\u2028\u2029", "\u0085", "\ufeffa", "a\ufeff", "\u00ad", "\u200e\u200f", "\u202eabc\u202c",
    "\x01\x02\x03", "a\0b", "\0\0", "\x07\x08", "\x0b\x0c", "\x1b[31mred\x1b[0m", "\x7f", "\x80\x9f", "\x1c\x1d\x1e\x1f", "a\x1cb",
    "\ue000", "\uf8ff", "a\ue123b", "\U000f0000", "\U0010ffff", "\ufffe\uffff", "\ufdd0", "\U0001fffe", "\u0378", "\U000e0001",
    "∀x∈ℝ: x²≥0", "∑∫∂√∞≠≈", "←↑→↓↔", "█▓▒░", "┌─┐│└┘", "♠♥♦♣", "†‡§¶•", "€£¥₿", "°C µm Å", "\u0964 \u06d4", "¿Qué? ¡No!", "«a» ‹b›",
    "<s>", "</s>", "<s>a</s>", "<unk>", "<pad>", "a <unk> b", "<mask>", "a   <mask>   b", "a<mask>b", " <mask>", "<mask><mask>",
    "[CLS] a [SEP]", "[MASK]", "a [MASK] b", "a   [MASK]b", "[mask]", "[UNK]", "[PAD]", "[cls]", "<extra_id_0> a",
    "<|endoftext|>", "a<|endoftext|>b", " <|endoftext|> ", "<|endoftext|><|endoftext|>", "<|endoftext", "<|ENDOFTEXT|>", "|endoftext|>",
    "<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\n", "<|begin_of_text|>a<|end_of_text|>", "<|start_header_id|>user<|end_header_id|>\n\na<|eot_id|>",
    "<repo_name>a/b<file_sep>c", "<<s>>", "< s >", "<S>",
]


def drawn(random: Random) -> list[str]:
    """Runs, long words and mixtures."""
    out = []
    for length in (2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 40):
        out += [" " * length, "a" + " " * length + "b", "\n" * length, "\t" * length, "a" * length, "ab" * length]
        out += ["é" * length, "花" * length, "🌳" * length, "-" * length, "9" * length, "\u0301" * length, " \n" * length]
    out += ["".join(random.choice("abcdefghij") for _ in range(length)) for length in (60, 99, 100, 101, 150)]
    for _ in range(150):
        words = [random.choice(FREQUENT + OTHERS) for _ in range(random.randint(2, 6))]
        out.append(random.choice([" ", "  ", "", ", ", "\n", "-"]).join(words))
    for _ in range(60):
        code = random.choice(CODE)
        first = random.randrange(len(code) - 6)
        out.append(code[first : first + random.randint(6, 24)])
    for _ in range(60):
        out.append("".join(random.choice("0123456789.,-+eE %$x") for _ in range(random.randint(1, 14))))
    for _ in range(80):
        out.append("".join(random.choice(WRITTEN)[:4] for _ in range(random.randint(2, 4))))
    for _ in range(60):
        out.append("".join(map(chr, random.choices(range(128), k=random.randint(1, 16)))))
    return out


def blocks(random: Random) -> list[str]:
    """Characters from all over Unicode, as far as Python's tables name them."""
    assigned = [chr(c) for c in range(0xF0000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
    out = []
    for first in range(0, len(assigned), len(assigned) // 160):
        near = assigned[first : first + 64]
        out.append("".join(random.choice(near) for _ in range(random.randint(1, 9))))
    for _ in range(90):
        out.append("".join(random.choice(assigned) for _ in range(random.randint(1, 6))))
    low = [char for char in assigned if ord(char) < 0x3000]
    for _ in range(90):
        out.append("".join(random.choice(low + [" "] * 500) for _ in range(random.randint(1, 12))))
    return out


def strings() -> list[str]:
    random = Random(11)
    out = list(dict.fromkeys(WRITTEN + drawn(random) + blocks(random)))
    assert len(out) >= 1000, len(out)
    return out
