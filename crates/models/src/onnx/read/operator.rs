use std::rc::Rc;

use secateur_formats::onnx::proto::{AttributeProto, NodeProto, TensorProto};

/// One operator of the file and its settings.
#[derive(Clone, Copy)]
pub struct Operator<'a> {
    pub proto: &'a NodeProto,
}

impl<'a> Operator<'a> {
    pub fn kind(&self) -> &'a str {
        &self.proto.op_type
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.proto.attribute.iter().find(|attribute| attribute.name == name)
    }

    pub fn int(&self, name: &str, usual: i64) -> i64 {
        self.attribute(name).map_or(usual, |attribute| attribute.i)
    }

    pub fn float(&self, name: &str, usual: f64) -> f64 {
        // As it was meant: 1e-5 and not the f32 next to it.
        self.attribute(name).map_or(usual, |attribute| short(attribute.f))
    }

    pub fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice())
    }

    pub fn floats(&self, name: &str) -> Option<&'a [f32]> {
        self.attribute(name).map(|attribute| attribute.floats.as_slice())
    }

    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.attribute(name).and_then(|attribute| std::str::from_utf8(&attribute.s).ok())
    }

    pub fn texts(&self, name: &str) -> Vec<&'a str> {
        let all = self.attribute(name).map_or(&[][..], |attribute| &attribute.strings);
        all.iter().filter_map(|text| std::str::from_utf8(text).ok()).collect()
    }

    pub fn tensor(&self, name: &str) -> Option<&'a TensorProto> {
        self.attribute(name)?.t.as_ref()
    }

    /// Where it stands, as a module's name: PyTorch's exporters note it in the node's name, `/encoder/layer/query/MatMul`,
    /// or beside it; our own files have it there.
    pub fn label(&self) -> Rc<str> {
        self.scope().unwrap_or_else(|| path(&self.proto.name, self.kind())).into()
    }

    /// The innermost module of `['', 'blocks', 'blocks.0', 'linear']`; the last entry is a function.
    fn scope(&self) -> Option<String> {
        let scopes = self.proto.metadata_props.iter().find(|entry| entry.key == "pkg.torch.onnx.name_scopes")?;
        let scopes: Vec<&str> = scopes.value.split('\'').skip(1).step_by(2).collect();
        let [.., module, function] = scopes[..] else { return None };
        let inner = matches!(self.kind(), "Conv" | "Gemm" | "MatMul" | "LayerNormalization");
        let module = Some(module).filter(|module| !module.is_empty())?;
        Some(if inner || function.starts_with("linear") { module.into() } else { format!("{module}.{function}") })
    }
}

/// `/blocks/blocks.0/attn/qkv/MatMul_1` -> `blocks.0.attn.qkv`
fn path(name: &str, kind: &str) -> String {
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    let is_kind = |last: &str| last.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    let parts = match parts.split_last() {
        Some((last, modules)) if !modules.is_empty() && is_kind(last) => modules,
        _ => &parts,
    };
    let repeated = |at: usize| {
        let inner = parts.get(at + 1).and_then(|next| next.strip_prefix(parts[at]));
        inner.is_some_and(|rest| rest.starts_with('.'))
    };
    (0..parts.len()).filter(|at| !repeated(*at)).map(|at| parts[at]).collect::<Vec<_>>().join(".")
}

/// The shortest decimal number that is this one in f32.
pub fn short(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_read_out_of_names() {
        for (name, kind, want) in [
            ("/blocks/blocks.0/attn/qkv/MatMul_1", "MatMul", "blocks.0.attn.qkv"),
            ("vit.encoder.layer.0.output/Add", "Add", "vit.encoder.layer.0.output"),
            ("vit.layernorm", "LayerNormalization", "vit.layernorm"),
            ("/Gather", "Gather", "Gather"),
            ("node_add_1", "Add", "node_add_1"),
        ] {
            assert_eq!(path(name, kind), want);
        }
    }

    #[test]
    fn settings_are_as_they_were_meant() {
        assert_eq!(short(1e-5), 1e-5);
        assert_eq!(short(0.5), 0.5);
    }
}
