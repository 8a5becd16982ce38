//! Where Torch-Pruning's groups are others than ours, and why.

/// Stands for all groups of a golden of which Torch-Pruning finds none.
pub const ALL: &str = "all groups";

const TIED: &str = "The last layer is tied to the embedding; theirs cuts its columns without those of the embedding.";
const MEAN: &str =
    "The classifier reads the class token beside the mean of the patches; theirs finds the token's columns only.";
const HALVES: &str =
    "Theirs does not follow the two halves of fc1 and takes them for one layer before fc2, half as wide.";
const FUSED: &str = "Theirs does not follow the split of c_attn: queries, keys and values count as one layer before c_proj, \
    three times as wide as that reads.";
const WAVES: &str =
    "The positions are waves of a fixed number, which cannot be cut; theirs leaves them and cannot be run.";
const PADDED: &str = "Channels are padded with zeros on both sides; theirs takes them to begin at 0.";
const ROTARY: &str = "With two query heads a key head theirs never comes to an end at the rotary embedding.";
const NO_RULE: &str = "Theirs has no rule for nn.RNN and nn.GRU, whose tensors it takes for parameters by themselves.";
const ONE_LSTM: &str = "Theirs ties all layers and directions of an LSTM, and of the four gates the first only.";
const ONE_UNIT: &str = "GroupNorms over concatenations, whose groups reach across the parts, tie all of these channels into \
    one unit, which cannot go; in theirs channels change groups, and answers.";
const LAST_UNIT: &str = "GroupNorms over concatenations tie some of these channels to other layers than the rest: one unit \
    by itself, of which none would be left. What the rest makes is the same; in theirs channels change groups, and answers.";

/// (golden, why, roots of theirs and names of ours that the other side does not have)
pub const DIFFERENCES: &[(&str, &str, &[&str])] = &[
    (
        "bert-mlm",
        TIED,
        &[
            "bert.encoder.layer.1.output.dense.weight",
            "cls.predictions.transform.dense.weight",
            "width of bert.embeddings.word_embeddings",
        ],
    ),
    (
        "distilbert-mlm",
        TIED,
        &[
            "distilbert.transformer.layer.1.ffn.lin2.weight",
            "vocab_transform.weight",
            "width of distilbert.embeddings.word_embeddings",
        ],
    ),
    (
        "roberta-mlm",
        TIED,
        &[
            "lm_head.dense.weight",
            "roberta.encoder.layer.1.output.dense.weight",
            "width of roberta.embeddings.word_embeddings",
        ],
    ),
    (
        "dinov2-registers",
        MEAN,
        &[
            "dinov2_with_registers.embeddings.patch_embeddings.projection.weight",
            "width of dinov2_with_registers.embeddings.patch_embeddings.projection",
        ],
    ),
    (
        "dinov2-swiglu",
        MEAN,
        &[
            "dinov2.embeddings.patch_embeddings.projection.weight",
            "width of dinov2.embeddings.patch_embeddings.projection",
        ],
    ),
    (
        "timm-swiglu",
        HALVES,
        &[
            "blocks.0.mlp.fc1.weight",
            "blocks.1.mlp.fc1.weight",
            "neurons of blocks.0.mlp.fc1",
            "neurons of blocks.1.mlp.fc1",
        ],
    ),
    (
        "gpt2",
        FUSED,
        &[
            "transformer.h.0.attn.c_proj.weight",
            "transformer.h.1.attn.c_proj.weight",
            "heads of transformer.h.0.attn",
            "heads of transformer.h.1.attn",
            "head-dims of transformer.h.0.attn",
            "head-dims of transformer.h.1.attn",
        ],
    ),
    ("dit", WAVES, &["proj_out_1.weight"]),
    ("dit-learned-norm", WAVES, &["proj_out_1.weight"]),
    (
        "resnet-cifar",
        PADDED,
        &[
            "conv1.weight",
            "layer2.0.conv2.weight",
            "layer3.0.conv2.weight",
            "channels of conv1",
            "channels of layer2.0.conv2",
            "channels of layer3.0.conv2",
        ],
    ),
    ("mistral", ROTARY, &[ALL]),
    ("qwen3", ROTARY, &[ALL]),
    ("gru-lm", NO_RULE, &[ALL]),
    ("rnn-classes", NO_RULE, &["embedding.weight", "neurons of rnn.l0", "width of embedding"]),
    (
        "lstm-classes",
        ONE_LSTM,
        &[
            "lstm.weight_ih_l0",
            "neurons of lstm.l0",
            "neurons of lstm.l0_reverse",
            "neurons of lstm.l1",
            "neurons of lstm.l1_reverse",
        ],
    ),
    (
        "unet2d-class",
        ONE_UNIT,
        &["down_blocks.0.downsamplers.0.conv.weight", "up_blocks.1.resnets.1.conv_shortcut.weight"],
    ),
    (
        "unet2d-class",
        LAST_UNIT,
        &[
            "up_blocks.0.resnets.1.conv_shortcut.weight",
            "up_blocks.0.upsamplers.0.conv.weight",
            "up_blocks.1.upsamplers.0.conv.weight",
        ],
    ),
    (
        "unet2d-condition",
        ONE_UNIT,
        &["down_blocks.0.downsamplers.0.conv.weight", "up_blocks.1.attentions.0.proj_out.weight"],
    ),
    (
        "unet2d-condition",
        LAST_UNIT,
        &[
            "up_blocks.0.resnets.0.conv_shortcut.weight",
            "up_blocks.0.upsamplers.0.conv.weight",
            "up_blocks.1.upsamplers.0.conv.weight",
        ],
    ),
    (
        "unet2d-ddpm",
        ONE_UNIT,
        &["down_blocks.0.downsamplers.0.conv.weight", "up_blocks.0.resnets.0.conv_shortcut.weight"],
    ),
    ("unet2d-ddpm", LAST_UNIT, &["up_blocks.0.upsamplers.0.conv.weight"]),
    ("unet2d-old", LAST_UNIT, &["up_blocks.0.resnets.0.conv_shortcut.weight", "up_blocks.0.upsamplers.0.conv.weight"]),
];
