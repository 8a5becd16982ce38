//! Model families: what a checkpoint's configuration, tensor names and shapes say, as a
//! [`Graph`](secateur_graph::Graph).
//!
//! No weights are read here, and nothing in a file is believed before it has been checked: a size counts when
//! configuration and tensors agree on it, or when one of them is absent. What does not fit is said in a sentence.

mod cnn;
mod cuts;
mod diffusers;
mod error;
mod input;
mod model;
pub mod onnx;
mod preprocessor;
mod schedule;
mod settings;
mod source;
mod tensors;
mod text;
mod uniform;
mod unknown;
mod vocabulary;

pub use error::{Misfit, ModelError, WrongTensor};
pub use input::{Filter, InputSpec, Resize};
pub use model::{Model, Task, detect, initial};
pub use schedule::{Schedule, Step};
pub use uniform::Uniform;

use model::Plan;
use source::Source;
use tensors::Tensors;

/// A kind of model. One file each.
trait Family: Sync {
    /// The word for it in reports and on the command line.
    fn id(&self) -> &'static str;
    /// What `model_type` in its config.json may be.
    fn model_types(&self) -> &'static [&'static str];
    /// Whether the tensors' names are this family's.
    fn claims(&self, tensors: &Tensors) -> bool;
    /// Reads the sizes and builds the graph.
    fn plan(&self, source: &Source) -> Result<Plan, ModelError>;
    /// Tensors that checkpoints of this family may hold and that this model does not use.
    fn unused(&self, _name: &str) -> bool {
        false
    }
}

/// Lists the families once: the file and its place in the table, in the order in which they are tried.
macro_rules! families {
    ($($file:ident: $family:ident),* $(,)?) => {
        $(mod $file;)*
        const FAMILIES: &[&dyn Family] = &[$(&$file::$family),*];
    };
}

families! { vit: Vit, dino: Dino, timm: Timm, clip: Clip, lenet: LeNet, unet: UNet, dit: DiT, vgg: Vgg, resnet: ResNet, mobilenet: MobileNet, recurrent: RecurrentText, gpt2: Gpt2, llama: Llama, bert: Bert }

#[cfg(test)]
mod tests;
