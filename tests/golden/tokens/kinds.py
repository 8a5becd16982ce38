"""The types of tokenizer.json, each with the settings of the models named, and a small vocabulary."""

import json
import math

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from .charsmap import charsmap, normal_forms
from .words import lines, pieces

LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_2 = LLAMA_3.replace("{1,3}", "")
META = "▁"


def token(id: int, content: str, **settings: bool) -> dict:
    off = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": id, "content": content, **off, "special": True, **settings}


def template(before: list[str], after: list[str], ids: dict[str, int]) -> dict:
    """Special tokens around one text, and around two."""
    special = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
    text = lambda name: {"Sequence": {"id": name, "type_id": 0}}
    single = [*map(special, before), text("A"), *map(special, after)]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, text("B"), *map(special, after)],
        "special_tokens": {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in before + after},
    }


def file(model: dict, added: list[dict], normalizer=None, pre=None, post=None, decoder=None) -> dict:
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": normalizer,
        "pre_tokenizer": pre,
        "post_processor": post,
        "decoder": decoder,
        "model": model,
    }


def byte_level(**settings: bool) -> dict:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True, **settings}


def learned(pre: pre_tokenizers.PreTokenizer, special: list[str], size: int, alphabet: list[str]) -> dict:
    """The model part of a BPE."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(lines(), trainer)
    return json.loads(tokenizer.to_str())["model"]


def learned_bytes(special: list[str], size: int = 900) -> dict:
    pre = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return learned(pre, special, size, pre_tokenizers.ByteLevel.alphabet())


def gpt2() -> dict:
    """GPT-2 as its file is: no type of model, merges as lines, the special token last."""
    model = learned_bytes([])
    vocabulary = model["vocab"]
    vocabulary["<|endoftext|>"] = len(vocabulary)
    old = dict.fromkeys(("continuing_subword_prefix", "end_of_word_suffix"), "")
    model = {
        "dropout": None,
        "unk_token": None,
        **old,
        "fuse_unk": False,
        "vocab": vocabulary,
        "merges": [" ".join(pair) for pair in model["merges"]],
    }
    added = [token(vocabulary["<|endoftext|>"], "<|endoftext|>", normalized=True)]
    level = {key: value for key, value in byte_level().items() if key != "use_regex"}
    return file(model, added, None, level, {**level, "trim_offsets": False}, level)


def roberta() -> dict:
    """The same with RoBERTa's frame, and a mask that takes the space before it."""
    names = ["<s>", "<pad>", "</s>", "<unk>"]
    model = learned_bytes(names, 700)
    model["vocab"]["<mask>"] = len(model["vocab"])
    added = [token(at, name, normalized=True) for at, name in enumerate(names)]
    added.append(token(model["vocab"]["<mask>"], "<mask>", lstrip=True))
    post = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True}
    level = byte_level()
    return file(model, added, None, level, {**post, "add_prefix_space": False}, level)


def smollm2() -> dict:
    """SmolLM2: every digit by itself, then GPT-2's words."""
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>", "<empty_output>"]
    digits = {"type": "Digits", "individual_digits": True}
    pre = {"type": "Sequence", "pretokenizers": [digits, byte_level()]}
    return file(learned_bytes(names), [token(*pair) for pair in enumerate(names)], None, pre, None, byte_level())


def split(regex: str) -> dict:
    cut = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [cut, byte_level(use_regex=False)]}


def llama3() -> dict:
    """Llama 3: its own words, a beginning, special tokens after all others."""
    model = learned_bytes([])
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    ids = {name: len(model["vocab"]) + at for at, name in enumerate(names)}
    post = {"type": "Sequence", "processors": [byte_level(), template(names[:1], [], ids)]}
    added = [token(id, name) for name, id in ids.items()]
    return file({**model, "ignore_merges": True}, added, None, split(LLAMA_3), post, byte_level())


def qwen2() -> dict:
    """Qwen2: NFC first, digits one by one."""
    model = learned_bytes([], 700)
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    added = [token(len(model["vocab"]) + at, name) for at, name in enumerate(names)]
    level = byte_level(use_regex=False)
    return file(model, added, {"type": "NFC"}, split(QWEN_2), level, level)


def byte_fallback() -> tuple[dict, list[dict]]:
    """The model of Llama 2 and Mistral: SentencePiece's BPE, and bytes for letters that it lacks."""
    names = ["<unk>", "<s>", "</s>"]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    model = learned(pre_tokenizers.Metaspace(), names + bytes_, 900, [])
    model |= {"unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True}
    return model, [token(*pair) for pair in enumerate(names)]


def replace(pattern: dict, content: str) -> dict:
    return {"type": "Replace", "pattern": pattern, "content": content}


def spaces_again(strip: int) -> dict:
    steps = [replace({"String": META}, " "), {"type": "ByteFallback"}, {"type": "Fuse"}]
    steps += [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] * strip
    return {"type": "Sequence", "decoders": steps}


def llama2() -> dict:
    """Llama 2: spaces are marked before anything is cut, the whole text is one word."""
    model, added = byte_fallback()
    steps = [{"type": "Prepend", "prepend": META}, replace({"String": " "}, META)]
    post = template(["<s>"], [], {"<s>": 1})
    return file(model, added, {"type": "Sequence", "normalizers": steps}, None, post, spaces_again(1))


def mistral() -> dict:
    """Mistral as newer files have it: a mark before the first word only."""
    model, added = byte_fallback()
    pre = {"type": "Metaspace", "replacement": META, "prepend_scheme": "first", "split": False}
    return file(model, added, None, pre, template(["<s>"], [], {"<s>": 1}), spaces_again(1))


def bert(lowercase: bool) -> dict:
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [piece for piece, _ in pieces("", "##", 900, lowercase)]
    vocabulary = {name: at for at, name in enumerate(dict.fromkeys(names + words))}
    model = {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": vocabulary,
    }
    normalizer = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None}
    return file(
        model,
        [token(*pair) for pair in enumerate(names)],
        {**normalizer, "lowercase": lowercase},
        {"type": "BertPreTokenizer"},
        template(["[CLS]"], ["[SEP]"], vocabulary),
        {"type": "WordPiece", "prefix": "##", "cleanup": True},
    )


def unigram(names: list[str], unknown: str, lower: bool = False) -> dict:
    """A Unigram model: pieces with the logarithm of how often they come."""
    counted = pieces(META, "", 900, lower)
    total = sum(count for _, count in counted)
    scored = [[name, 0.0] for name in names] + [[META, math.log(0.01)]]
    scored += [[piece, math.log(count / total)] for piece, count in counted]
    return {"type": "Unigram", "unk_id": names.index(unknown), "vocab": scored, "byte_fallback": False}


def precompiled() -> dict:
    return {"type": "Precompiled", "precompiled_charsmap": charsmap(normal_forms())}


def metaspace() -> dict:
    return {"type": "Metaspace", "replacement": META, "prepend_scheme": "always", "split": True}


def t5() -> dict:
    """T5: a character map, an end."""
    names = ["<pad>", "</s>", "<unk>", "<extra_id_0>"]
    added = [token(*pair) for pair in enumerate(names)]
    post = template([], ["</s>"], {"</s>": 1})
    return file(unigram(names, "<unk>"), added, precompiled(), metaspace(), post, metaspace())


def albert() -> dict:
    """ALBERT: accents and capitals go, then a character map and single spaces."""
    names = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    added = [token(*pair) for pair in enumerate(names[:4])] + [token(4, "[MASK]", lstrip=True)]
    steps = [replace({"String": "``"}, '"'), replace({"String": "''"}, '"')]
    steps += [{"type": kind} for kind in ("NFKD", "StripAccents", "Lowercase")]
    steps += [precompiled(), replace({"Regex": " {2,}"}, " ")]
    post = template(["[CLS]"], ["[SEP]"], {"[CLS]": 2, "[SEP]": 3})
    normalizer = {"type": "Sequence", "normalizers": steps}
    return file(unigram(names, "<unk>", True), added, normalizer, metaspace(), post, metaspace())


def xlm_roberta() -> dict:
    """XLM-RoBERTa: cut at white space before the mark is put."""
    names = ["<s>", "<pad>", "</s>", "<unk>"]
    added = [token(*pair) for pair in enumerate(names)]
    pre = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace()]}
    post = template(["<s>"], ["</s>"], {"<s>": 0, "</s>": 2})
    return file(unigram(names, "<unk>"), added, precompiled(), pre, post, metaspace())


KINDS = {
    "gpt2": gpt2,
    "roberta": roberta,
    "smollm2": smollm2,
    "llama3": llama3,
    "qwen2": qwen2,
    "llama2": llama2,
    "mistral": mistral,
    "bert-uncased": lambda: bert(True),
    "bert-cased": lambda: bert(False),
    "t5": t5,
    "albert": albert,
    "xlm-roberta": xlm_roberta,
}
