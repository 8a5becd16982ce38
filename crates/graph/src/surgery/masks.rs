use super::{CutError, Marks, Removal};
use crate::groups::Group;
use crate::{Graph, Mask, Masks, Param, ParamId};

impl Graph {
    /// Masks under which the model answers as without some units: every slice of a parameter that goes with them is 0,
    /// biases and norms too. Parameters that lose nothing have none.
    pub fn unit_masks(&self, groups: &[Group], removal: &Removal) -> Result<Masks, CutError> {
        let marks = Marks::new(self, groups, removal)?;
        let mut masks = Masks::default();
        for id in self.param_ids() {
            if let Some(mask) = marks.mask(self.param(id), id) {
                masks.set(self, id, mask).expect("as many entries as the parameter has");
            }
        }
        Ok(masks)
    }
}

impl Marks {
    fn mask(&self, param: &Param, id: ParamId) -> Option<Mask> {
        let axes = &self.params[id.0 as usize];
        if self.skipped.contains(&id) {
            return Some(Mask::from_kept((0..param.len()).map(|_| false)));
        }
        if axes.iter().flatten().all(|kept| *kept) {
            return None;
        }
        Some(Mask::from_kept((0..param.len()).map(|entry| {
            let mut rest = entry;
            axes.iter().rev().all(|axis| {
                let at = rest % axis.len();
                rest /= axis.len();
                axis[at]
            })
        })))
    }
}
