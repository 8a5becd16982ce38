use super::goldens::{golden, golden_config, golden_header};
use super::*;
use crate::Task;

const UNETS: [&str; 5] = ["unet2d-ddpm", "unet2d-class", "unet2d-old", "unet2d-condition", "unet2d-condition-linear"];
const DITS: [&str; 2] = ["dit", "dit-learned-norm"];

#[test]
fn every_golden_is_read() {
    for name in UNETS.into_iter().chain(DITS) {
        let model = golden(name);
        assert_eq!(model.task, Task::Denoise, "{name}");
        assert_eq!(model.graph.outputs[0].name, "sample");
        assert_eq!(model.graph.params.len(), golden_header(name).tensors.len(), "{name}");
    }
}

#[test]
fn the_verdict_is_one_sentence() {
    let cases = [
        ("unet2d-ddpm", "diffusion U-Net of 4, 6 channels for 8×12 samples with 3 channels, "),
        ("unet2d-condition-linear", "for 4×6 samples with 2 channels, 3 classes, texts of 7 features, "),
        (
            "dit",
            "DiT with 2 layers of 3 heads, 12 features, 8×8 samples with 3 channels in patches of 2×2, 7 classes, ",
        ),
    ];
    for (name, words) in cases {
        let verdict = golden(name).verdict;
        assert!(verdict.contains(words) && verdict.ends_with(" parameters, as its config says."), "{verdict}");
    }
}

#[test]
fn inputs_are_those_of_the_model() {
    let inputs = |name| -> Vec<(String, Vec<usize>)> {
        golden(name).graph.inputs().map(|node| (node.name.clone(), node.shape.clone())).collect()
    };
    let named = |name: &str, shape: &[usize]| (name.to_string(), shape.to_vec());
    assert_eq!(inputs("unet2d-ddpm"), [named("sample", &[3, 8, 12]), named("timestep", &[])]);
    let all = [named("timestep", &[]), named("class_labels", &[]), named("encoder_hidden_states", &[77, 7])];
    assert_eq!(inputs("unet2d-condition-linear")[1..], all);
    assert_eq!(inputs("dit"), [named("sample", &[3, 8, 8]), named("timestep", &[]), named("class_labels", &[])]);
}

/// A variance beside each channel of noise.
#[test]
fn a_dit_answers_with_its_output_channels() {
    let graph = golden("dit").graph;
    assert_eq!(graph.node(graph.output()).shape, [6, 8, 8]);
}

/// google/ddpm-cifar10-32 and facebook/DiT-XL-2-256, by their published configs; counts as PyTorch's.
#[test]
fn counts_are_the_published_ones() {
    let ddpm = json!({
        "_class_name": "UNet2DModel", "act_fn": "silu", "attention_head_dim": null,
        "block_out_channels": [128, 256, 256, 256], "center_input_sample": false,
        "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"], "downsample_padding": 0,
        "flip_sin_to_cos": false, "freq_shift": 1, "in_channels": 3, "out_channels": 3, "layers_per_block": 2,
        "mid_block_scale_factor": 1, "norm_eps": 1e-6, "norm_num_groups": 32, "sample_size": 32,
        "time_embedding_type": "positional",
    });
    assert_eq!(initial(&ddpm).unwrap().graph.params_total(), 35_746_307);
    let dit = json!({
        "_class_name": "Transformer2DModel", "activation_fn": "gelu-approximate", "attention_bias": true,
        "attention_head_dim": 72, "cross_attention_dim": null, "dropout": 0.0, "in_channels": 4,
        "norm_elementwise_affine": false, "norm_num_groups": 32, "norm_type": "ada_norm_zero",
        "num_attention_heads": 16, "num_embeds_ada_norm": 1000, "num_layers": 28, "num_vector_embeds": null,
        "only_cross_attention": false, "out_channels": 8, "patch_size": 2, "sample_size": 32,
        "upcast_attention": false, "use_linear_projection": false,
    });
    let dit = initial(&dit).unwrap().graph;
    // Every layer has a condition of its own, so there are more than the paper's 675 million.
    assert_eq!((dit.params_total(), dit.blocks()), (749_826_464, 30));
    let stable = json!({
        "_class_name": "UNet2DConditionModel", "attention_head_dim": 8, "block_out_channels": [320, 640, 1280, 1280],
        "cross_attention_dim": 768, "in_channels": 4, "out_channels": 4, "sample_size": 64,
        "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    });
    assert_eq!(initial(&stable).unwrap().graph.params_total(), 859_520_964);
}

#[test]
fn tensors_alone_ask_for_what_they_do_not_show() {
    for name in UNETS {
        assert_eq!(
            refused(&golden_header(name), None),
            "a U-Net's tensors do not show its sample_size, attention_head_dim, norm_num_groups, norm_eps, freq_shift, \
             flip_sin_to_cos and downsample_padding; put the model's config.json beside it"
        );
    }
    for name in DITS {
        assert_eq!(
            refused(&golden_header(name), None),
            "a DiT's tensors do not show its sample_size, num_attention_heads, activation_fn and norm_eps; put the \
             model's config.json beside it"
        );
    }
}

#[test]
fn the_authors_names_are_recognised() {
    let cases = [
        ("model.diffusion_model.input_blocks.0.0.weight", "this is a U-Net with the tensor names of its authors' code"),
        ("t_embedder.mlp.0.weight", "this is a DiT with the tensor names of its authors' code"),
    ];
    for (name, sentence) in cases {
        let mut file = Header { tensors: Vec::new(), metadata: Default::default() };
        push(&mut file, name, &[8, 8]);
        let said = refused(&file, None);
        assert!(said.contains(sentence) && said.contains("choose the model's diffusers version"), "{said}");
    }
}

#[test]
fn old_names_are_kept() {
    let graph = golden("unet2d-old").graph;
    assert!(graph.find_param("mid_block.attentions.0.proj_attn.weight").is_some());
    assert!(golden("unet2d-ddpm").graph.find_param("mid_block.attentions.0.to_out.0.weight").is_some());
}

/// null and nothing differ: one head of all channels, or heads of 8.
#[test]
fn one_head_has_all_channels() {
    let config = with(&golden_config("unet2d-ddpm"), "block_out_channels", json!([16, 24]));
    let heads = |config: &Value| -> Vec<(usize, usize)> {
        let graph = initial(config).unwrap().graph;
        let heads = graph.nodes.iter().filter_map(|node| match &node.op {
            secateur_graph::Op::Attention(attention) => Some((attention.heads, attention.head_dim)),
            _ => None,
        });
        heads.collect()
    };
    assert_eq!(heads(&with(&config, "attention_head_dim", Value::Null))[0], (1, 24));
    let mut silent = config;
    silent.as_object_mut().unwrap().remove("attention_head_dim");
    assert_eq!(heads(&silent)[0], (3, 8));
}

#[test]
fn the_middle_may_have_no_attention() {
    let graph = initial(&with(&golden_config("unet2d-ddpm"), "add_attention", json!(false))).unwrap().graph;
    assert!(graph.params.iter().all(|param| !param.name.starts_with("mid_block.attentions")));
    assert!(graph.find_param("mid_block.resnets.1.conv2.weight").is_some());
}

/// `Transformer2DModel` is what diffusers called it before.
#[test]
fn a_dit_has_an_older_name() {
    let config = with(&golden_config("dit"), "_class_name", json!("Transformer2DModel"));
    let mut file = golden_header("dit");
    push(&mut file, "pos_embed.pos_embed", &[1, 16, 12]);
    let model = detect(&file, Some(&config)).unwrap();
    assert_eq!(model.graph, golden("dit").graph);
    assert!(model.verdict.ends_with("; not used: \"pos_embed.pos_embed\"."), "{}", model.verdict);
}

#[test]
fn another_class_of_diffusers_is_not_taken_for_a_unet() {
    let config = with(&golden_config("unet2d-ddpm"), "_class_name", json!("AutoencoderKL"));
    let model = detect(&golden_header("unet2d-ddpm"), Some(&config)).unwrap();
    assert_eq!(model.task, Task::Unknown);
    assert!(model.verdict.contains("the config's _class_name is \"AutoencoderKL\""), "{}", model.verdict);
}

#[test]
fn what_is_not_supported_is_named() {
    let cases = [
        (
            "unet2d-ddpm",
            "resnet_time_scale_shift",
            json!("scale_shift"),
            "should be \"default\", which is what is supported, got \"scale_shift\"",
        ),
        (
            "unet2d-ddpm",
            "act_fn",
            json!("mish"),
            "should be \"silu\" or \"swish\", which is what is supported, got \"mish\"",
        ),
        ("unet2d-ddpm", "time_embedding_type", json!("fourier"), "should be \"positional\""),
        ("unet2d-ddpm", "downsample_type", json!("resnet"), "should be \"conv\""),
        ("unet2d-ddpm", "mid_block_scale_factor", json!(1.5), "should be 1, which is what is supported, got \"1.5\""),
        ("unet2d-ddpm", "downsample_padding", json!(2), "should be 0 or 1, which are supported, got 2"),
        ("unet2d-ddpm", "freq_shift", json!(7), "should be 0 or 1, which are supported, got 7"),
        (
            "unet2d-ddpm",
            "down_block_types",
            json!(["DownBlock2D", "SkipDownBlock2D"]),
            "should be made of DownBlock2D and AttnDownBlock2D, which are supported, got \"SkipDownBlock2D\"",
        ),
        (
            "unet2d-ddpm",
            "down_block_types",
            json!(["DownBlock2D"]),
            "should be a list of 2, as block_out_channels is, got 1",
        ),
        (
            "unet2d-ddpm",
            "sample_size",
            json!([8, 11]),
            "should be a multiple of 2 each way, since there are 2 levels, got 8×11",
        ),
        ("unet2d-ddpm", "sample_size", json!([8, 12, 4]), "should be a whole number or a list of two, got [8,12,4]"),
        ("unet2d-ddpm", "sample_size", Value::Null, "should be a whole number or a list of two, got nothing"),
        ("unet2d-ddpm", "sample_size", json!(1 << 30), "should be from 1 to 8192"),
        ("unet2d-ddpm", "attention_head_dim", json!(7), "should be from 1 to the 6 channels of level 1, got 7"),
        ("unet2d-ddpm", "attention_head_dim", json!(0), "should be from 1 to the 6 channels of level 1, got 0"),
        (
            "unet2d-ddpm",
            "norm_num_groups",
            json!(5),
            "GroupNorm at down_blocks.0.resnets.0.norm1: wanted [4, height, width], channels in 5 equal groups",
        ),
        ("unet2d-ddpm", "block_out_channels", json!([4, u64::MAX]), "should be from 1 to 65536"),
        ("unet2d-ddpm", "block_out_channels", json!(vec![4; 99]), "should be a list of 1 to 8 sizes, got 99 of them"),
        ("unet2d-ddpm", "layers_per_block", json!(1000), "should be from 1 to 8, got 1000"),
        ("unet2d-ddpm", "layers_per_block", json!(2), "missing \"down_blocks.0.resnets.1.norm1.weight\""),
        (
            "unet2d-ddpm",
            "in_channels",
            json!(4),
            "\"in_channels\" is 4, but axis 1 of conv_in.weight [4, 3, 3, 3] says 3",
        ),
        (
            "unet2d-class",
            "class_embed_type",
            json!("timestep"),
            "should be null, which is what is supported, got \"timestep\"",
        ),
        (
            "unet2d-class",
            "num_class_embeds",
            json!(6),
            "\"num_class_embeds\" is 6, but axis 0 of class_embedding.weight",
        ),
        (
            "unet2d-condition",
            "mid_block_type",
            json!("UNetMidBlock2DSimpleCrossAttn"),
            "should be \"UNetMidBlock2DCrossAttn\"",
        ),
        ("unet2d-condition", "addition_embed_type", json!("text_time"), "should be null"),
        ("unet2d-condition", "only_cross_attention", json!([true, false, false]), "should be false"),
        ("unet2d-condition", "cross_attention_dim", json!([5, 5, 5]), "should be a whole number, got [5,5,5]"),
        (
            "unet2d-condition",
            "attention_head_dim",
            json!([1, 2]),
            "should be one number, or a list of 3, got a list of 2",
        ),
        ("unet2d-condition", "attention_head_dim", json!(5), "should be from 1 to the 4 channels of level 0, got 5"),
        ("unet2d-condition", "transformer_layers_per_block", json!(1_u64 << 40), "should be from 1 to 16"),
        ("unet2d-condition", "conv_in_kernel", json!(4), "\"conv_in_kernel\" is 4, but axis 2 of conv_in.weight"),
        ("dit", "norm_type", json!("ada_norm_single"), "should be \"ada_norm_zero\", which is what is supported"),
        ("dit", "activation_fn", json!("geglu"), "should be \"gelu-approximate\" or \"gelu\", got \"geglu\""),
        ("dit", "sample_size", json!(9), "should be a multiple of patch_size = 2, with at most 16384 patches, got 9"),
        ("dit", "sample_size", json!(8192), "should be a multiple of patch_size = 2, with at most 16384 patches"),
        ("dit", "num_attention_heads", json!(4), "\"pos_embed.proj.weight\" is [12, 3, 2, 2], not [16, 3, 2, 2]"),
        (
            "dit",
            "attention_head_dim",
            json!(5),
            "SinePositions at pos_embed: wanted [16, 15], features a multiple of 4",
        ),
        ("dit", "num_embeds_ada_norm", json!(8), "embedding_table.weight\" is [8, 12], not [9, 12]"),
        ("dit", "num_layers", json!(u64::MAX), "should be from 1 to 1000"),
        ("dit", "interpolation_scale", json!(2.0), "should be 1, which is what is supported"),
    ];
    for (name, key, value, sentence) in cases {
        let said = refused(&golden_header(name), Some(&with(&golden_config(name), key, value)));
        assert!(said.contains(sentence), "{key}: {said}");
    }
}
