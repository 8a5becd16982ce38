//! The twins: what each kernel computes, slow and obvious, with the shader's bindings as arguments in their order.

mod wanda;

pub use wanda::wanda;
