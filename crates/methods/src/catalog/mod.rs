//! The methods, one file each.

use crate::Method;

/// Lists the methods once; the order is the order people see.
macro_rules! methods {
    ($($file:ident),* $(,)?) => {
        $(mod $file;)*

        /// Every method.
        pub static ALL: &[&dyn $crate::Method] = &[$(&$file::METHOD),*];
    };
}
#[cfg(test)]
pub(crate) use methods;

methods! { random, magnitude, global_mp, wanda, gblm, taylor, lrp, sparsegpt, flap, obspa, llm_pruner, nvit, evopress, finercut, rd_joint, darex, dare_ties, gmp, set, rigl, granet, lottery, rewinding, l0, movement, pdp, vtrans, compresso, ecodiff, perp }

/// The method with this id on its card.
pub fn find(id: &str) -> Option<&'static dyn Method> {
    ALL.iter().copied().find(|method| method.card().id == id)
}
