"""The text that the small tokenizers learn from: made up here, always the same."""

from collections import Counter
from random import Random

FREQUENT = (
    "the a and to of in is it you that he was for on are with as his they at be this have from or one had by word but "
    "not what all were we when your can said there use an each which she do how their if will up other about out many "
    "then them these so some her would make like him into time has look two more write go see number no way could "
    "people my than first water been call who oil its now find long down day did get come made may part don't it's "
    "I'll we've they're prune branch weight layer model token garden tree shoot cut dead wood keep leaf root"
).split()
OTHERS = (
    "él niño está corazón mañana garçon déjà où être naïve über größe straße schön наш мир слово дерево сад ветвь "
    "το δέντρο κήπος λόγος 花 園 木 枝 剪 模型 言葉 さくら はさみ ガーデン 나무 가지 정원 شجرة حديقة كلمة पेड़ बगीचा शब्द עץ גן ต้นไม้ สวน "
    "🌳 🌱 ✂️ 👍🏽 ½ … — «» “”"
).split()
CODE = (
    "fn main() {\n    let x = vec![1, 2, 3];\n}\n",
    "def prune(w, k):\n    return w[w.abs() > k]\n",
    "for (let i = 0; i < n; i++) {\n\tsum += a[i];\n}\n",
    "SELECT name FROM trees WHERE age > 100;\n",
    "<div class=\"leaf\">&amp;</div>\n",
    "{\"ids\": [0, 17, 2048], \"ok\": true}\n",
)


def lines() -> list[str]:
    random = Random(7)
    out = []
    for at in range(400):
        words = [random.choice(FREQUENT if random.random() < 0.85 else OTHERS) for _ in range(random.randint(4, 14))]
        words[0] = words[0].capitalize()
        out.append(" ".join(words) + random.choice([".", "!", "?", f", {random.randint(0, 2050)}.", " ..."]))
        if at % 10 == 0:
            out.append(random.choice(CODE))
    return out


def pieces(start: str, inside: str, count: int, lower: bool = False) -> list[tuple[str, int]]:
    """The `count` pieces of words that save most letters, and every letter, with how often they come; longest first
    among equals. `start` is put before a word, `inside` before a piece that is not at the start."""
    found: Counter[str] = Counter()
    for line in lines():
        for word in (line.lower() if lower else line).split():
            for first in range(len(word)):
                for last in range(first + 1, min(len(word), first + 8) + 1):
                    found[(inside if first else start) + word[first:last]] += 1
    letters = [piece for piece in found if len(piece.removeprefix(start if piece.startswith(start) else inside)) == 1]
    by_worth = sorted(found, key=lambda piece: (-(found[piece] - 1) * len(piece), -len(piece), piece))
    chosen = dict.fromkeys(sorted(letters) + by_worth[:count])
    return [(piece, found[piece]) for piece in chosen]
