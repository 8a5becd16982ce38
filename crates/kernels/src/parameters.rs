//! Parameter structs as the shaders declare them: the first binding of every kernel.

/// What a kernel is told beside its buffers: a WGSL struct of 32-bit members, declared by [`parameters`].
pub trait Parameters: Sized {
    /// The struct's name in WGSL.
    const NAME: &'static str;
    /// Its members' names, in order.
    const MEMBERS: &'static [&'static str];

    /// As the shader reads it: a word a member.
    fn words(&self) -> Vec<u32>;

    /// The other way; `None` if there are not as many words as members.
    fn from_words(words: &[u32]) -> Option<Self>;
}

/// One 32-bit member.
pub(crate) trait Word: Copy {
    fn to_word(self) -> u32;
    fn from_word(word: u32) -> Self;
}

impl Word for u32 {
    fn to_word(self) -> u32 {
        self
    }

    fn from_word(word: u32) -> Self {
        word
    }
}

impl Word for f32 {
    fn to_word(self) -> u32 {
        self.to_bits()
    }

    fn from_word(word: u32) -> Self {
        Self::from_bits(word)
    }
}

/// Declares a parameter struct and lists it for the test that holds it against the shaders.
macro_rules! parameters {
    ($($(#[$doc:meta])* pub struct $name:ident { $($(#[$member_doc:meta])* $member:ident: $ty:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq)]
            pub struct $name { $($(#[$member_doc])* pub $member: $ty),* }

            impl Parameters for $name {
                const NAME: &'static str = stringify!($name);
                const MEMBERS: &'static [&'static str] = &[$(stringify!($member)),*];

                fn words(&self) -> Vec<u32> {
                    vec![$(self.$member.to_word()),*]
                }

                fn from_words(words: &[u32]) -> Option<Self> {
                    let [$($member),*] = *words else { return None };
                    Some(Self { $($member: Word::from_word($member)),* })
                }
            }
        )*

        /// Name and members of every parameter struct.
        #[cfg(test)]
        const ALL: &[(&str, &[&str])] = &[$(($name::NAME, $name::MEMBERS)),*];
    };
}

parameters! {
    /// A matrix, row by row.
    pub struct Dims {
        rows: u32,
        cols: u32,
    }

    /// How many entries there are.
    pub struct Count {
        count: u32,
    }

    /// How many entries there are, and what they are raised to.
    pub struct Power {
        count: u32,
        power: f32,
    }

    /// A matrix, row by row, and how much a gradient's norm counts beside an input's.
    pub struct Blend {
        rows: u32,
        cols: u32,
        alpha: f32,
    }

    /// A matrix in rectangles of `unit_rows` x `unit_cols`, of which a workgroup has `beside` neighbours at once, 1 to 16.
    pub struct Units {
        rows: u32,
        cols: u32,
        unit_rows: u32,
        unit_cols: u32,
        /// A power of two.
        beside: u32,
    }

    /// A matrix of inputs, one a row, after so many others.
    pub struct Batch {
        rows: u32,
        cols: u32,
        /// Rows before.
        seen: u32,
    }

    /// So many gates of the hard concrete distribution.
    pub struct HardConcrete {
        count: u32,
        /// Temperature.
        beta: f32,
        /// Where the stretched distribution begins, below 0.
        gamma: f32,
        /// Where it ends, above 1.
        zeta: f32,
    }

    /// Entries of which every `run` that follow one another share a threshold.
    pub struct Runs {
        count: u32,
        run: u32,
    }

    /// The same with a soft threshold.
    pub struct SoftRuns {
        count: u32,
        run: u32,
        /// In units of squared entries.
        temperature: f32,
    }

    /// A digit of the keys of `len` scores from `start`: the bits from `shift` up to those of `above`, which are known.
    pub struct Digit {
        start: u32,
        len: u32,
        shift: u32,
        above: u32,
    }

    /// `len` scores from `start`, whose cut is entry `at` of a tensor's cuts.
    pub struct Span {
        start: u32,
        len: u32,
        at: u32,
    }

    /// Rows of which each is cut after its `lowest`-th score, 1 to `cols`.
    pub struct RowCuts {
        rows: u32,
        cols: u32,
        lowest: u32,
    }

    /// A matrix in blocks.
    pub struct BlockMask {
        rows: u32,
        cols: u32,
        /// Rows of a block.
        high: u32,
        /// Columns of a block.
        wide: u32,
    }

    /// A matrix of which `n` of every `m` consecutive entries of a row stay.
    pub struct NOfM {
        rows: u32,
        cols: u32,
        n: u32,
        m: u32,
    }

    /// out [rows, cols]: each entry a sum of at most `depth` products.
    pub struct Product {
        rows: u32,
        cols: u32,
        depth: u32,
        /// How far a row of the right operand is from the next.
        stride: u32,
        /// Weights that stand together: a group of N:M, the side of a block, otherwise 1.
        unit: u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KERNELS;

    #[test]
    fn they_are_laid_out_as_in_the_shaders() {
        for layout in KERNELS.iter().filter_map(|kernel| kernel.parameters) {
            let (_, members) = ALL.iter().find(|(name, _)| *name == layout.name).expect(layout.name);
            let want: Vec<_> = (0..).step_by(4).zip(*members).map(|(at, name)| (*name, at, 4)).collect();
            assert_eq!((layout.size, layout.members), (4 * members.len() as u32, want.as_slice()), "{}", layout.name);
        }
        for (name, _) in ALL {
            assert!(
                KERNELS.iter().any(|kernel| kernel.parameters.is_some_and(|layout| layout.name == *name)),
                "{name}"
            );
        }
    }

    #[test]
    fn words_come_back() {
        let dims = Dims { rows: 1, cols: 0x0203 };
        assert_eq!(dims.words(), [1, 0x0203]);
        assert_eq!((Dims::from_words(&dims.words()), Dims::from_words(&[1])), (Some(dims), None));
    }
}
