use std::fmt::Display;

use secateur_exec::{Cancelled, ExecError};
use secateur_methods::MethodError;

/// Why a job ends before it is done.
#[derive(Debug, PartialEq)]
pub(crate) enum Stop {
    Cancelled,
    DeviceLost(String),
    Failed(String),
}

impl Stop {
    /// Fails with a sentence.
    pub fn because(error: impl Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Cancelled> for Stop {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<ExecError> for Stop {
    fn from(error: ExecError) -> Self {
        match error {
            ExecError::Cancelled(_) => Self::Cancelled,
            lost if lost.is_lost() => Self::DeviceLost(lost.to_string()),
            other => Self::because(other),
        }
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::because(error)
    }
}

impl From<MethodError> for Stop {
    fn from(error: MethodError) -> Self {
        match error {
            MethodError::Exec(error) => error.into(),
            other => Self::because(other),
        }
    }
}
