use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::{Change, Gathered, Moments, Value, calibrate};
use secateur_graph::{Masks, ParamId, Role};

use crate::lab::Samples;
use crate::{Lab, MethodError};

/// What pruned weights gave on the average, in the bias of their layer: b + (W with only what goes) * mean input
/// (An et al., 2023, eq. 6). Means are those of the dense model. Also a sentence about layers without a bias, which lose it.
pub(crate) async fn add_means(
    lab: &Lab<'_>,
    samples: Samples,
    masks: &Masks,
) -> Result<(BTreeMap<ParamId, Value>, Option<String>), MethodError> {
    let masked = lab.params.masked(lab.compute, lab.graph, masks)?;
    let mut biases = BTreeMap::new();
    let mut without = 0;
    let visit = async |_: u32, found: &Gathered<Moments>| {
        for (id, moments) in found.iter().filter(|(id, _)| masks.get(**id).is_some()) {
            let param = lab.graph.param(*id);
            let own = lab.graph.node(param.node).params.get(1);
            let Some(bias) = own.filter(|bias| lab.graph.param(**bias).role == Role::Bias) else {
                without += 1;
                continue;
            };
            let [dense, left] = [lab.params, &masked].map(|params| params.get(lab.graph, *id));
            let goes = dense?.matrix(param.matrix()) - left?.matrix(param.matrix());
            let mean = TensorData::new(moments.mean.clone(), [param.matrix().1, 1]);
            let gave = goes.matmul(Tensor::from_data(mean, lab.compute.device()));
            let before = lab.params.get(lab.graph, *bias)?;
            let rows = param.matrix().0;
            biases.insert(*bias, before.like(before.matrix((rows, 1)) + gave));
        }
        Ok::<_, MethodError>(Change::default())
    };
    let calibration = lab.calibration_on(samples.count)?;
    calibrate::<Moments, _>(lab.compute, lab.graph, lab.params, calibration, false, lab.meter, visit).await?;
    let note = (without > 0).then(|| {
        format!("{without} layers have no bias that could take over what their pruned inputs gave on the average.")
    });
    Ok((biases, note))
}
