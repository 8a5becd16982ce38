"""Tiny language models and text encoders: GPT-2, the Llama-like ones, BERT and its relatives.

Widths, heads and context differ from each other and from powers of two; settings differ from variant to variant.
Run from this folder: python text.py
"""

import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForMaskedLM,
    DistilBertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForSequenceClassification,
)

from common import save, shake

TOKENS = 9

# Two segments, which only BERT tells apart by default.
SEGMENTS = torch.tensor([[0] * 5 + [1] * 4, [0] * 3 + [1] * 6])


def ids(vocabulary: int, seed: int) -> torch.Tensor:
    """Two texts without padding: ids 0 to 2 are special in some of the models."""
    return torch.randint(3, vocabulary, (2, TOKENS), generator=torch.Generator().manual_seed(seed))


def stored(model: torch.nn.Module) -> dict:
    """The state as `save_pretrained` writes it: of tied tensors, only the first."""
    return {key: value for key, value in model.state_dict().items() if key not in model.all_tied_weights_keys}


def config_of(model: torch.nn.Module) -> dict:
    model.config.architectures = [type(model).__name__]
    return model.config.to_diff_dict()


def write(name: str, model: torch.nn.Module, seed: int, **more: torch.Tensor) -> None:
    """A model that answers with logits."""
    shake(model, seed)
    inputs = {"input_ids": ids(model.config.vocab_size, seed), **more}
    save(name, model, stored(model), config_of(model), inputs, {"logits": model(**inputs).logits})


def write_bare(name: str, model: torch.nn.Module, seed: int) -> None:
    """A bare encoder, pooled as sentence-transformers pools MiniLM."""
    shake(model, seed)
    inputs = {"input_ids": ids(model.config.vocab_size, seed), "token_type_ids": SEGMENTS}
    hidden = model(**inputs).last_hidden_state
    embedding = torch.nn.functional.normalize(hidden.mean(1), dim=-1)
    save(name, model, stored(model), config_of(model), inputs, {"hidden": hidden, "embedding": embedding})


def gpt2() -> None:
    sizes = dict(vocab_size=61, n_positions=14, n_embd=30, n_layer=2, n_head=3)
    write("gpt2", GPT2LMHeadModel(GPT2Config(n_inner=44, layer_norm_epsilon=3e-5, **sizes)), 1)


def llamas() -> None:
    sizes = dict(vocab_size=53, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=6)
    llama3 = {
        "rope_type": "llama3",
        "rope_theta": 500.0,
        "factor": 4.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 3.0,
        "original_max_position_embeddings": 12,
    }
    linear = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5}
    long = dict(max_position_embeddings=48)
    llama = LlamaConfig(num_key_value_heads=2, head_dim=10, rope_parameters=llama3, rms_norm_eps=1e-5, **sizes, **long)
    write("llama", LlamaForCausalLM(llama), 2)
    biased = dict(tie_word_embeddings=True, attention_bias=True, mlp_bias=True, hidden_act="gelu_pytorch_tanh")
    write("llama-linear", LlamaForCausalLM(LlamaConfig(rope_parameters=linear, **biased, **sizes, **long)), 3)
    mistral = MistralConfig(num_key_value_heads=3, sliding_window=4, **sizes, **long)
    write("mistral", MistralForCausalLM(mistral), 4)
    windows = dict(use_sliding_window=True, sliding_window=5, max_window_layers=1)
    qwen2 = Qwen2Config(num_key_value_heads=2, tie_word_embeddings=True, rms_norm_eps=1e-6, **windows, **sizes, **long)
    write("qwen2", Qwen2ForCausalLM(qwen2), 5)
    theta = {"rope_type": "default", "rope_theta": 1000000.0}
    qwen3 = Qwen3Config(num_key_value_heads=3, head_dim=6, rope_parameters=theta, attention_bias=True, **sizes, **long)
    write("qwen3", Qwen3ForCausalLM(qwen3), 6)


def berts() -> None:
    sizes = dict(vocab_size=47, hidden_size=30, num_hidden_layers=2, num_attention_heads=5, intermediate_size=36)
    bert = dict(max_position_embeddings=13, **sizes)
    write("bert-mlm", BertForMaskedLM(BertConfig(**bert)), 7, token_type_ids=SEGMENTS)
    classes = BertConfig(num_labels=3, type_vocab_size=3, hidden_act="gelu_new", layer_norm_eps=1e-3, **bert)
    write("bert-classes", BertForSequenceClassification(classes), 8, token_type_ids=SEGMENTS)
    write_bare("bert-bare", BertModel(BertConfig(**bert)), 9)


def robertas() -> None:
    sizes = dict(vocab_size=47, hidden_size=28, num_hidden_layers=2, num_attention_heads=7, intermediate_size=36)
    roberta = dict(max_position_embeddings=15, type_vocab_size=1, layer_norm_eps=1e-5, **sizes)
    # The head keeps to the exact GELU, whatever the encoder has.
    write("roberta-mlm", RobertaForMaskedLM(RobertaConfig(hidden_act="relu", **roberta)), 10)
    names = dict(id2label={0: "no", 1: "perhaps", 2: "yes", 3: "certainly"})
    write("roberta-classes", RobertaForSequenceClassification(RobertaConfig(**names, **roberta)), 11)


def distilberts() -> None:
    sizes = dict(vocab_size=47, dim=24, n_layers=2, n_heads=3, hidden_dim=44, max_position_embeddings=13)
    write("distilbert-mlm", DistilBertForMaskedLM(DistilBertConfig(**sizes)), 12)
    classes = DistilBertConfig(num_labels=3, activation="relu", **sizes)
    write("distilbert-classes", DistilBertForSequenceClassification(classes), 13)


def make() -> None:
    for family in (gpt2, llamas, berts, robertas, distilberts):
        family()


if __name__ == "__main__":
    make()
