//! The one description of a model: operations, named parameters with shapes, and edges.
//!
//! A [`Graph`] holds no tensors. Everything that can be said about a model without its weights
//! follows from it: shapes, counts, which parameters may be pruned, how it is drawn and how it is
//! executed. Masks and the exact selection of what goes live here too, since they only need scores.

mod build;
mod count;
mod graph;
pub mod groups;
mod mask;
mod op;
pub mod ops;
mod pieces;
pub mod select;
pub mod surgery;

pub use build::Builder;
pub use count::{Counts, grouped};
pub use graph::{Axis, Dim, Graph, GraphError, Node, NodeId, Output, Param, ParamId, Role};
pub use mask::{Mask, MaskError, Masks};
pub use op::{Op, OpRule, ParamSpec, Shape};
pub use pieces::Piece;
