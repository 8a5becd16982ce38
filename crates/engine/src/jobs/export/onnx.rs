use secateur_exec::Meter;
use secateur_models::onnx::export;
use secateur_protocol::Unit;

use super::Files;
use crate::Host;
use crate::desk::Job;
use crate::session::Runnable;
use crate::stop::Stop;

/// The graph's file, and its name.
const NAME: &str = "model";

/// The model as it is run, as an ONNX graph; weights of more than 1 GB lie in a file beside it.
pub(super) async fn files<H: Host>(job: &Job<'_, H>, of: &Runnable) -> Result<Files, Stop> {
    let graph = &of.model.graph;
    let export = export(graph, NAME).map_err(Stop::because)?;
    let (mut file, mut beside) = (Vec::new(), Vec::new());
    let total = graph.params.len() as u64;
    let values = async |id: secateur_graph::ParamId| {
        let values = of.params.read(graph, id).await?;
        job.tick(u64::from(id.0) + 1, total, Unit::Layers).await?;
        Ok::<_, Stop>(values)
    };
    export.write(graph, &mut file, &mut beside, values).await?;
    let side = export.beside.map(|name| (name, beside));
    Ok([Some((format!("{NAME}.onnx"), file)), side].into_iter().flatten().collect())
}
