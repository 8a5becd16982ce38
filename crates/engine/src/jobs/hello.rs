use secateur_exec::Compute;
use secateur_protocol::{DeviceChoice, Event, VERSION};

use crate::Host;
use crate::desk::Job;
use crate::files::built_in_models;
use crate::session::{Session, Weights};
use crate::stop::Stop;

pub(crate) async fn run<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    version: u32,
    device: DeviceChoice,
) -> Result<(), Stop> {
    if version != VERSION {
        return Err(Stop::because(format!(
            "the engine speaks version {VERSION} of the protocol, the page version {version}; reload the page"
        )));
    }
    use_device(session, job, device).await
}

/// Opens the device and brings the open model to it; the files are read again.
pub(crate) async fn use_device<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    device: DeviceChoice,
) -> Result<(), Stop> {
    let models = built_in_models(job.host()).await?;
    let compute = Compute::open(device).await.map_err(Stop::because)?.measured(|| job.host().now_ms()).await?;
    if let Some(open) = &mut session.open {
        open.weights = Some(Weights::new(open.checkpoint.upload(job, &compute).await?));
    }
    let adapter = compute.adapter().clone();
    session.compute = Some(compute);
    let methods = secateur_methods::ALL.iter().map(|method| method.card()).collect();
    job.send(Event::Ready { version: VERSION, adapter, methods, models });
    Ok(())
}
