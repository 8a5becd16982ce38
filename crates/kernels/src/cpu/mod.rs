//! The twins: what each kernel computes, slow and obvious, with the shader's bindings as arguments in their order. Folders
//! are those of `shaders/`.

pub mod gate;
pub mod matmul;
pub mod score;
pub mod select;
