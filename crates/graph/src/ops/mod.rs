//! The operations, one file each: attributes, shape rule, parameters, cost, title.

mod activation;
mod add;
mod add_position;
mod attention;
mod conv2d;
mod flatten;
mod input;
mod layer_norm;
mod linear;
mod max_pool2d;
mod prepend_token;
mod select_token;
mod to_tokens;

pub use activation::Activation;
pub use add::Add;
pub use add_position::AddPosition;
pub use attention::Attention;
pub use conv2d::Conv2d;
pub use flatten::Flatten;
pub use input::Input;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use max_pool2d::MaxPool2d;
pub use prepend_token::PrependToken;
pub use select_token::SelectToken;
pub use to_tokens::ToTokens;

#[cfg(test)]
mod tests;
