//! The methods, one file each.

use crate::Method;

/// Lists the methods once; the order is the order people see.
macro_rules! methods {
    ($($file:ident),* $(,)?) => {
        $(mod $file;)*

        /// Every method.
        pub static ALL: &[&dyn Method] = &[$(&$file::METHOD),*];
    };
}

methods! { random, magnitude, wanda }

/// The method with this id on its card.
pub fn find(id: &str) -> Option<&'static dyn Method> {
    ALL.iter().copied().find(|method| method.card().id == id)
}
