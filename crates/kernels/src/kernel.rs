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
    /// Structs that the shader declares.
    pub structs: &'static [Layout],
}

/// A storage buffer that a kernel reads or writes.
#[derive(Debug, PartialEq, Eq)]
pub struct Binding {
    pub name: &'static str,
    pub writable: bool,
}

/// A WGSL struct in memory.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    pub name: &'static str,
    /// Bytes.
    pub size: u32,
    /// Name, offset and size in bytes.
    pub members: &'static [(&'static str, u32, u32)],
}

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// The shaders' `Dims`: a matrix, row by row.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dims {
    pub rows: u32,
    pub cols: u32,
}

impl Dims {
    /// As the shader reads it.
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.rows.to_le_bytes());
        bytes[4..].copy_from_slice(&self.cols.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    #[test]
    fn dims_match_the_shader() {
        let members = [("rows", offset_of!(Dims, rows) as u32, 4), ("cols", offset_of!(Dims, cols) as u32, 4)];
        let users: Vec<_> = KERNELS.iter().flat_map(|kernel| kernel.structs).filter(|s| s.name == "Dims").collect();
        assert!(!users.is_empty());
        for layout in users {
            assert_eq!((layout.size as usize, layout.members), (size_of::<Dims>(), members.as_slice()));
        }
        assert_eq!(Dims { rows: 1, cols: 0x0203 }.to_bytes(), [1, 0, 0, 0, 3, 2, 0, 0]);
    }

    /// A twin's arguments are the bindings of its shader's variant that has most of them.
    #[test]
    fn twins_take_the_bindings_in_order() {
        for kernel in KERNELS {
            let shader = kernel.shader;
            let path = format!("{}/src/cpu/{shader}.rs", env!("CARGO_MANIFEST_DIR"));
            let twin = std::fs::read_to_string(path).unwrap();
            let (_, rest) = twin.split_once(&format!("pub fn {shader}(")).unwrap();
            let arguments: Vec<_> =
                rest.split(", ").map_while(|word| word.split_once(':')).map(|(name, _)| name).collect();
            let variants = KERNELS.iter().filter(|other| other.shader == shader);
            let fullest = variants.max_by_key(|other| other.bindings.len()).unwrap();
            assert_eq!(arguments, fullest.bindings.iter().map(|binding| binding.name).collect::<Vec<_>>());
        }
    }
}
