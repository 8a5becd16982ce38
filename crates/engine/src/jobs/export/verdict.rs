use secateur_graph::surgery::Surgery;
use secateur_models::Model;
use secateur_models::onnx::export;
use secateur_protocol::{Event, Format, Reader, Verdict};

use super::{NOT_SMALLER, ONNX, keeps_form};
use crate::Host;
use crate::desk::Job;
use crate::session::Session;
use crate::stop::Stop;

/// Who could open an export of each format, and why others could not.
pub(crate) fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>) -> Result<(), Stop> {
    let open = session.open()?;
    let cut = open.cut().ok_or_else(|| Stop::because("nothing is pruned yet; prune first"))?;
    let model = &open.checkpoint.model;
    let surgery = if cut.removal.is_empty() { None } else { Some(cut.surgery(&model.graph)?) };
    job.send(Event::Verdicts { items: verdicts(model, surgery.as_ref()) });
    Ok(())
}

/// Of all formats; `surgery`: what is left where whole units went.
pub(super) fn verdicts(model: &Model, surgery: Option<&Surgery>) -> Vec<Verdict> {
    Format::ALL.map(|format| Verdict { format, readers: readers(model, surgery, format) }).into()
}

/// The library that models of a family come from.
pub(super) fn stock(model: &Model) -> &'static str {
    match model.family {
        "resnet" | "vgg" | "mobilenet" => "torchvision",
        "unet" | "dit" => "diffusers",
        "timm" => "timm",
        "lenet" | "recurrent" => "PyTorch",
        _ => "transformers",
    }
}

fn readers(model: &Model, surgery: Option<&Surgery>, format: Format) -> Vec<Reader> {
    let reader = |name: &str, opens: bool, why: &str| Reader { name: name.into(), opens, why: why.into() };
    let stock = stock(model);
    let graph = surgery.map_or(&model.graph, |surgery| &surgery.graph);
    if model.family == ONNX && keeps_form(format) {
        let why = "this model came as ONNX and has no other form";
        return vec![reader("Secateur", false, why)];
    }
    match (format, surgery) {
        (Format::Zeros, surgery) => {
            let why = match surgery.and_then(|surgery| surgery.tokens(&model.graph)) {
                None => "the same shapes as before, with zeros",
                Some(_) => "the same shapes as before, with zeros: tokens that went are still answered about, with 0",
            };
            vec![reader(stock, true, why), reader("Secateur", true, why)]
        }
        (Format::Uniform | Format::Ragged, None) => {
            vec![reader(stock, false, NOT_SMALLER), reader("Secateur", false, NOT_SMALLER)]
        }
        (Format::Uniform, Some(surgery)) => match model.uniform(surgery) {
            Ok(_) => {
                let why = match stock {
                    "torchvision" => "by its constructors, where they take the sizes that the config says",
                    _ => "all layers have the sizes that the written config says",
                };
                vec![reader(stock, true, why), reader("Secateur", true, why)]
            }
            Err(why) => vec![reader(stock, false, &why), reader("Secateur", false, &why)],
        },
        (Format::Ragged, Some(_)) => vec![
            reader(stock, false, "layers have their own sizes, which its classes do not take by themselves"),
            reader(
                "PyTorch",
                true,
                "through load_ragged.py, which is written beside it and says which classes it knows",
            ),
            reader("Secateur", true, "the config says which units went"),
        ],
        (Format::Onnx, _) => match export(graph, "model") {
            Ok(_) => vec![reader("onnxruntime", true, "one graph of standard operators, any number of samples")],
            Err(error) => vec![reader("onnxruntime", false, &error.to_string())],
        },
        (Format::Report, _) => vec![
            reader("a browser", true, "report.html holds all it needs, pictures too"),
            reader("GitHub and editors", true, "report.md is the same as text"),
        ],
    }
}
