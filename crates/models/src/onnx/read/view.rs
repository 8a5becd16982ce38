use std::rc::Rc;

use secateur_graph::NodeId;

/// A piece of one axis of a node's value, the batch being axis 0: its entries are `stride` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Atom {
    pub axis: usize,
    pub stride: usize,
    pub size: usize,
}

/// The axis of an atom whose entries are all the same.
pub const REPEATED: usize = usize::MAX;

/// A node's value with its axes cut, joined and in another order, as reshapes and transpositions leave it, and scaled and
/// shifted by fixed numbers. Axes of size 1 have no atoms but for the batch, which is always there.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub node: NodeId,
    pub axes: Vec<Vec<Atom>>,
    pub scale: f64,
    pub shift: f64,
    /// The operator that made it, for the node that it may become.
    pub label: Rc<str>,
}

impl View {
    /// A node's value as it is; `shape` is that of one sample.
    pub fn of(node: NodeId, shape: &[usize], batch: usize, label: &Rc<str>) -> Self {
        let axes = whole_axes(shape, batch);
        Self { node, axes, scale: 1.0, shift: 0.0, label: label.clone() }
    }

    pub fn dims(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| size(axis)).collect()
    }

    pub fn with(&self, axes: Vec<Vec<Atom>>) -> Self {
        Self { axes, ..self.clone() }
    }

    /// The same entries in the same order with other sizes; none where an axis would have to be cut unevenly.
    pub fn reshape(&self, dims: &[usize]) -> Option<Self> {
        let mut atoms = self.axes.iter().flatten().copied().collect::<Vec<_>>().into_iter().peekable();
        let mut axes = Vec::with_capacity(dims.len());
        for dim in dims {
            let (mut axis, mut left) = (Vec::new(), *dim);
            // A batch of one sample is an axis of its own, or the first of those that are joined.
            let is_one = |atom: &Atom| (atom.axis, atom.size) == (0, 1);
            while let Some(atom) = atoms.next_if(|atom| left > 1 || (*dim == 1 && axis.is_empty() && is_one(atom))) {
                if left.is_multiple_of(atom.size) {
                    left /= atom.size;
                    axis.push(atom);
                } else {
                    let inner = atom.size / left;
                    (atom.size == inner * left).then_some(())?;
                    axis.push(Atom { stride: atom.stride * inner, size: left, ..atom });
                    let rest = Atom { size: inner, ..atom };
                    let all: Vec<_> = [rest].into_iter().chain(atoms).collect();
                    atoms = all.into_iter().peekable();
                    left = 1;
                }
            }
            (left == 1).then_some(())?;
            axes.push(tidy(axis));
        }
        atoms.next().is_none().then(|| self.with(axes))
    }

    pub fn transpose(&self, perm: &[usize]) -> Option<Self> {
        let mut sorted = perm.to_vec();
        sorted.sort_unstable();
        sorted
            .into_iter()
            .eq(0..self.axes.len())
            .then(|| self.with(perm.iter().map(|at| self.axes[*at].clone()).collect()))
    }

    /// Axes of size 1 that stand at these places of the result, in ascending order.
    pub fn unsqueeze(&self, at: &[usize]) -> Option<Self> {
        let mut axes = self.axes.clone();
        for at in at {
            (*at <= axes.len()).then(|| axes.insert(*at, Vec::new()))?;
        }
        Some(self.with(axes))
    }

    /// Without these axes, which have size 1 and are not the batch.
    pub fn squeeze(&self, at: &[usize]) -> Option<Self> {
        let axes = || self.axes.iter().enumerate().filter(|(axis, _)| !at.contains(axis));
        at.iter().all(|at| self.axes.get(*at).is_some_and(Vec::is_empty)).then_some(())?;
        Some(self.with(axes().map(|(_, atoms)| atoms.clone()).collect()))
    }

    /// Axes of size 1 repeated to these sizes, which are aligned at the last axis.
    pub fn expand(&self, dims: &[usize]) -> Option<Self> {
        let missing = dims.len().saturating_sub(self.axes.len());
        let mut view = self.unsqueeze(&(0..missing).collect::<Vec<_>>())?;
        let first = view.axes.len() - dims.len();
        for (axis, dim) in view.axes[first..].iter_mut().zip(dims) {
            match size(axis) {
                _ if *dim == 1 => {}
                own if own == *dim => {}
                1 if axis.is_empty() => axis.push(Atom { axis: REPEATED, stride: 1, size: *dim }),
                _ => return None,
            }
        }
        Some(view)
    }

    /// Which entries of which of the node's axes `start..start + len` of this axis are, and the view of what is left:
    /// only for the outermost piece of a source axis.
    pub fn part(&self, axis: usize, start: usize, len: usize, shape: &[usize]) -> Option<(Part, Vec<Vec<Atom>>)> {
        let [atom] = self.axes.get(axis)?.as_slice() else { return None };
        let whole = *shape.get(atom.axis.checked_sub(1)?)?;
        (atom.stride * atom.size == whole && start + len <= atom.size).then_some(())?;
        let part = Part { axis: atom.axis - 1, start: start * atom.stride, len: len * atom.stride };
        let mut axes = self.axes.clone();
        axes[axis] = if len == 1 { Vec::new() } else { vec![Atom { size: len, ..*atom }] };
        Some((part, axes))
    }
}

/// Entries of an axis of a sample.
pub struct Part {
    pub axis: usize,
    pub start: usize,
    pub len: usize,
}

/// The axes of a value that is as it is.
pub fn whole_axes(shape: &[usize], batch: usize) -> Vec<Vec<Atom>> {
    let batch = vec![Atom { axis: 0, stride: 1, size: batch }];
    let own = shape.iter().enumerate().map(|(at, size)| whole_axis(at + 1, *size));
    [batch].into_iter().chain(own).collect()
}

/// All of one axis.
pub fn whole_axis(axis: usize, size: usize) -> Vec<Atom> {
    if size == 1 { Vec::new() } else { vec![Atom { axis, stride: 1, size }] }
}

fn size(axis: &[Atom]) -> usize {
    axis.iter().map(|atom| atom.size).product()
}

/// Neighbours that continue each other become one.
pub fn tidy(atoms: Vec<Atom>) -> Vec<Atom> {
    let mut tidy: Vec<Atom> = Vec::with_capacity(atoms.len());
    for atom in atoms {
        match tidy.last_mut() {
            Some(outer) if outer.axis == atom.axis && outer.stride == atom.stride * atom.size => {
                *outer = Atom { size: outer.size * atom.size, ..atom };
            }
            _ => tidy.push(atom),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(shape: &[usize], batch: usize) -> View {
        View::of(NodeId(0), shape, batch, &"x".into())
    }

    /// [tokens, 3 * heads * size] as timm reads queries, keys and values out of one product.
    #[test]
    fn what_is_cut_and_turned_comes_back() {
        for batch in [1, 2, 3] {
            let x = view(&[17, 36], batch);
            let split = x.reshape(&[batch, 17, 3, 4, 3]).unwrap().transpose(&[2, 0, 3, 1, 4]).unwrap();
            assert_eq!(split.dims(), [3, batch, 4, 17, 3]);
            let back = split.transpose(&[1, 3, 0, 2, 4]).unwrap().reshape(&[batch, 17, 36]).unwrap();
            assert_eq!(back, x);
            let (part, axes) = split.part(0, 1, 1, &[17, 36]).unwrap();
            assert_eq!((part.axis, part.start, part.len), (1, 12, 12));
            assert_eq!(split.with(axes).squeeze(&[0]).unwrap().dims(), [batch, 4, 17, 3]);
            let joined = split.transpose(&[1, 2, 0, 3, 4]).unwrap().reshape(&[batch * 4, 3, 17, 3]).unwrap();
            assert_eq!(
                joined.reshape(&[batch, 4, 3, 17, 3]).unwrap().axes,
                split.transpose(&[1, 2, 0, 3, 4]).unwrap().axes
            );
        }
    }

    #[test]
    fn cuts_know_how_far_their_entries_are_apart() {
        let cut = view(&[6, 4], 2).reshape(&[2, 2, 3, 4]).unwrap();
        let atom = |axis, stride, size| vec![Atom { axis, stride, size }];
        assert_eq!(cut.axes, [atom(0, 1, 2), atom(1, 3, 2), atom(1, 1, 3), atom(2, 1, 4)]);
    }

    #[test]
    fn a_batch_of_one_stays_where_it_is() {
        let x = view(&[9, 4], 1).transpose(&[1, 0, 2]).unwrap();
        assert_eq!(x.reshape(&[9, 1, 2, 2]).unwrap().reshape(&[9, 1, 4]).unwrap(), x);
        let y = view(&[9, 4], 1);
        assert_eq!(y.reshape(&[9, 4]).unwrap().reshape(&[1, 9, 4]).unwrap(), y);
    }

    #[test]
    fn uneven_cuts_are_none() {
        let x = view(&[6, 4], 2);
        assert_eq!(x.reshape(&[2, 5, 4]), None);
        assert_eq!(x.reshape(&[2, 4, 6]), None);
        assert_eq!(x.squeeze(&[1]), None);
        assert_eq!(x.transpose(&[0, 0, 1]), None);
        assert_eq!(x.expand(&[2, 6, 8]), None);
        assert!(x.reshape(&[2, 6, 2, 2]).unwrap().part(3, 0, 1, &[6, 4]).is_none());
    }

    #[test]
    fn repeated_axes_are_known() {
        let x = view(&[5, 6], 2).reshape(&[2, 5, 2, 3]).unwrap().transpose(&[0, 2, 1, 3]).unwrap();
        let shared = x.unsqueeze(&[2]).unwrap().expand(&[2, 2, 4, 5, 3]).unwrap().reshape(&[2, 8, 5, 3]).unwrap();
        assert_eq!(shared.dims(), [2, 8, 5, 3]);
        assert_eq!(shared.axes[1][1], Atom { axis: REPEATED, stride: 1, size: 4 });
    }
}
