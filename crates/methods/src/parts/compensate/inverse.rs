use std::collections::BTreeMap;
use std::rc::Rc;

use linfa_linalg::cholesky::Cholesky;
use linfa_linalg::triangular::{SolveTriangular, UPLO};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, s};
use secateur_exec::{Gathered, Gram, Grams, Value, shared_inputs};
use secateur_graph::{Graph, ParamId};
use secateur_kernels::simd::{on_threads, threads};

use crate::MethodError;

/// Of the mean of the diagonal, added to it (Frantar & Alistarh, 2023, code): rounding and few samples leave XᵀX singular.
const DAMPING: f64 = 0.01;
/// Up to so many columns the factor is worked out entry by entry; larger ones are made of products of halves, which are
/// faster by far.
const SMALL: usize = 64;

/// (2 / samples) XᵀX of a layer's inputs, damped, in double precision on the CPU: the second derivative of the layer's squared
/// error by each row of its weight.
#[derive(Clone, Debug)]
pub(crate) struct Products {
    /// [C, C]
    pub matrix: Array2<f64>,
    /// Columns that saw nothing but zeros; their diagonal is set to 1.
    pub dead: Vec<bool>,
}

impl Products {
    pub async fn read(gram: &Gram, samples: usize) -> Result<Self, MethodError> {
        let [size, _] = gram.0.dims();
        let numbers = Value::R2(gram.0.clone()).read().await?.into_iter().map(f64::from).collect();
        let matrix = Array2::from_shape_vec((size, size), numbers).expect("a tensor has as many numbers as its shape");
        Ok(Self::new(matrix, samples))
    }

    /// From XᵀX.
    pub fn new(mut matrix: Array2<f64>, samples: usize) -> Self {
        matrix *= 2.0 / samples.max(1) as f64;
        let dead: Vec<bool> = matrix.diag().iter().map(|x| *x == 0.0).collect();
        let mut diagonal = matrix.diag_mut();
        diagonal.zip_mut_with(&ndarray::ArrayView1::from(&dead), |x, dead| *x += f64::from(u8::from(*dead)));
        let damping = DAMPING * diagonal.mean().unwrap_or(0.0);
        diagonal += damping;
        Self { matrix, dead }
    }
}

/// The inverse of [`Products`] as UᵀU, U upper triangular: the square of U's entry j on the diagonal belongs to the inverse
/// of what is left when all columns before j are settled (Frantar & Alistarh, 2023, §3.3).
#[derive(Clone, Debug)]
pub(crate) struct Inverse {
    pub upper: Array2<f64>,
    pub dead: Vec<bool>,
}

impl Inverse {
    /// `name`: whose inputs they are, for the error.
    pub fn new(products: Products, name: &str) -> Result<Self, MethodError> {
        // The lower factor's inverse of the matrix read backward is the upper one's of the matrix.
        let backward = products.matrix.slice(s![..;-1, ..;-1]);
        let inverse = inverse_factor(backward).filter(|inverse| inverse.iter().all(|x| x.is_finite()));
        let inverse = inverse.ok_or_else(|| MethodError::Singular { name: name.into() })?;
        let upper = inverse.slice(s![..;-1, ..;-1]).as_standard_layout().into_owned();
        Ok(Self { upper, dead: products.dead })
    }

    /// Of every weight; those that read the same inputs share it.
    pub async fn of_all(
        graph: &Graph,
        grams: &Gathered<Grams>,
        samples: usize,
    ) -> Result<BTreeMap<ParamId, Rc<Self>>, MethodError> {
        let shared = shared_inputs(graph);
        let mut inverses: BTreeMap<ParamId, Rc<Self>> = BTreeMap::new();
        for (id, gram) in grams {
            let inverse = match inverses.get(&shared[id]) {
                Some(there) => there.clone(),
                None => Rc::new(Self::new(Products::read(gram, samples).await?, &graph.param(*id).name)?),
            };
            inverses.insert(*id, inverse);
        }
        Ok(inverses)
    }

    /// The diagonal of the inverse, [C].
    pub fn diagonal(&self) -> Vec<f32> {
        let squares = self.upper.mapv(|x| x * x).sum_axis(Axis(0));
        squares.iter().map(|square| *square as f32).collect()
    }
}

/// V, lower triangular, with VᵀV the inverse of a symmetric matrix, which is the inverse of its Cholesky factor. None where
/// the matrix has none.
pub(super) fn inverse_factor(matrix: ArrayView2<f64>) -> Option<Array2<f64>> {
    let size = matrix.nrows();
    if size <= SMALL {
        return matrix.cholesky().ok()?.solve_triangular(&Array2::eye(size), UPLO::Lower).ok();
    }
    let half = size / 2;
    let first = inverse_factor(matrix.slice(s![..half, ..half]))?;
    let below = product(matrix.slice(s![half.., ..half]), first.t());
    let rest = &matrix.slice(s![half.., half..]) - &product(below.view(), below.t());
    let second = inverse_factor(rest.view())?;
    let mut inverse = Array2::zeros((size, size));
    inverse.slice_mut(s![half.., ..half]).assign(&-product(second.view(), product(below.view(), first.view()).view()));
    inverse.slice_mut(s![..half, ..half]).assign(&first);
    inverse.slice_mut(s![half.., half..]).assign(&second);
    Some(inverse)
}

/// A times B, some of A's rows on each thread.
fn product(a: ArrayView2<f64>, b: ArrayView2<f64>) -> Array2<f64> {
    let mut product = Array2::zeros((a.nrows(), b.ncols()));
    let rows = a.nrows().div_ceil(threads()).max(1);
    let parts = product.axis_chunks_iter_mut(Axis(0), rows).zip(a.axis_chunks_iter(Axis(0), rows));
    on_threads(parts.collect(), |(mut product, a)| general_mat_mul(1.0, &a, &b, 0.0, &mut product));
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    /// XᵀX of more rows than columns, with neighbours that are alike.
    fn products(size: usize) -> Products {
        let x = Array2::from_shape_fn((3 * size, size), |(i, j)| {
            ((i * 7919 + j * 104_729) % 1009) as f64 / 500.0 - 1.0 + (i % 17) as f64 / 9.0
        });
        Products::new(x.t().dot(&x), 3)
    }

    #[test]
    fn the_factor_gives_the_inverse_and_is_upper() {
        for size in [1, 2, 63, 64, 65, 200] {
            let products = products(size);
            let inverse = Inverse::new(products.clone(), "x").unwrap();
            let one = inverse.upper.t().dot(&inverse.upper).dot(&products.matrix);
            for ((row, col), x) in one.indexed_iter() {
                assert!((x - f64::from(u8::from(row == col))).abs() < 1e-8, "{size}: {x} at {row}, {col}");
                assert!(row <= col || inverse.upper[[row, col]] == 0.0);
            }
        }
    }

    /// What is left when earlier columns are settled: the first entry of the inverse of the lower right part.
    #[test]
    fn its_diagonal_is_that_of_what_is_left() {
        let products = products(20);
        let inverse = Inverse::new(products.clone(), "x").unwrap();
        for at in 0..20 {
            let rest =
                Products { matrix: products.matrix.slice(s![at.., at..]).to_owned(), dead: vec![false; 20 - at] };
            let rest = Inverse::new(rest, "x").unwrap();
            let want = f64::from(rest.diagonal()[0]);
            assert!((inverse.upper[[at, at]].powi(2) / want - 1.0).abs() < 1e-6, "{at}");
        }
    }

    #[test]
    fn inputs_without_life_do_no_harm_and_those_without_numbers_are_told() {
        let quiet = Inverse::new(Products::new(Array2::zeros((5, 5)), 3), "x").unwrap();
        assert!(quiet.dead.iter().all(|dead| *dead) && quiet.diagonal().iter().all(|x| x.is_finite()));
        let error = Inverse::new(Products::new(Array2::from_elem((70, 70), f64::NAN), 3), "fc").unwrap_err();
        assert!(error.to_string().starts_with("fc:"), "{error}");
    }
}
