/// A compute shader, validated when this crate was built.
#[derive(Debug, PartialEq, Eq)]
pub struct Kernel {
    /// As in `shaders/variants.toml`.
    pub name: &'static str,
    /// Stem of the file it comes from.
    pub shader: &'static str,
    /// WGSL, imports and flags resolved.
    pub source: &'static str,
    pub workgroup: [u32; 3],
    /// In binding order: the order in which buffers are handed over.
    pub bindings: &'static [Binding],
    /// The struct of the first binding, where that is one.
    pub parameters: Option<Layout>,
}

/// A storage buffer that a kernel reads or writes.
#[derive(Debug, PartialEq, Eq)]
pub struct Binding {
    pub name: &'static str,
    pub writable: bool,
}

/// A WGSL struct in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub name: &'static str,
    /// Bytes.
    pub size: u32,
    /// Name, offset and size in bytes.
    pub members: &'static [(&'static str, u32, u32)],
}

impl Kernel {
    /// Invocations of a workgroup.
    pub fn invocations(&self) -> u32 {
        self.workgroup.iter().product()
    }
}

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    /// A twin's arguments are the bindings of its shader's variant that has most of them.
    #[test]
    fn twins_take_the_bindings_in_order() {
        for kernel in KERNELS {
            let shader = kernel.shader;
            let twin = TWINS.iter().find(|twin| twin.shader == shader).expect(shader);
            let source = std::fs::read_to_string(format!("{}/{}", env!("CARGO_MANIFEST_DIR"), twin.file)).unwrap();
            let (_, rest) = source.split_once(&format!("pub fn {shader}(")).expect(shader);
            let (arguments, _) = rest.split_once(") {").expect(shader);
            let arguments: Vec<_> =
                arguments.split(',').filter_map(|word| word.split_once(':')).map(|(name, _)| name.trim()).collect();
            let variants = KERNELS.iter().filter(|other| other.shader == shader);
            let fullest = variants.max_by_key(|other| other.bindings.len()).unwrap();
            assert_eq!(arguments, fullest.bindings.iter().map(|binding| binding.name).collect::<Vec<_>>(), "{shader}");
        }
    }
}
