//! The whole engine in a browser: the same masks on the CPU, on WebGPU and in the native tests.
#![cfg(target_family = "wasm")]

#[path = "../../engine/tests/engine/tiny.rs"]
mod tiny;

use std::cell::RefCell;
use std::rc::Rc;

use futures_channel::mpsc::unbounded;
use secateur_engine::{Asset, Host, OpenError, serve};
use secateur_formats::MemoryFile;
use secateur_formats::safetensors::Dtype;
use secateur_protocol::{Command, DeviceChoice, Envelope, Event, FileRef, Format, Recipe, Source, VERSION, Value};
use tiny::{CONFIG, DIGEST, TINY, tiny};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Files that the engine may ask for; there is no server behind these tests.
const BUILT_IN: &[(&str, &[u8])] = &[
    ("digits/images.idx3.gz", include_bytes!("../../../public/digits/images.idx3.gz")),
    ("digits/labels.idx1.gz", include_bytes!("../../../public/digits/labels.idx1.gz")),
    ("models/index.json", include_bytes!("../../../public/models/index.json")),
];

struct Page {
    files: Vec<(&'static str, Vec<u8>)>,
    told: Rc<RefCell<Vec<Event>>>,
}

impl Host for Page {
    type File = MemoryFile;

    fn now_ms(&self) -> f64 {
        js_sys::Date::now()
    }

    async fn pause(&self) {
        gloo::timers::future::TimeoutFuture::new(0).await;
    }

    async fn open(&self, asset: Asset<'_>) -> Result<MemoryFile, OpenError> {
        let (name, found) = match asset {
            Asset::BuiltIn(path) => {
                (path, BUILT_IN.iter().find(|(name, _)| *name == path).map(|(_, bytes)| bytes.to_vec()))
            }
            Asset::User(path) => {
                (path, self.files.iter().find(|(name, _)| *name == path).map(|(_, bytes)| bytes.clone()))
            }
        };
        found
            .map(MemoryFile::new)
            .ok_or_else(|| OpenError { name: name.into(), reason: "there is no such file".into() })
    }

    fn send(&self, event: Envelope<Event>, _: Vec<Vec<u8>>) {
        self.told.borrow_mut().push(event.body);
    }
}

/// Runs the commands to their end and gives what was told.
async fn told(commands: Vec<Command>) -> Vec<Event> {
    let told = Rc::new(RefCell::new(Vec::new()));
    let page = Page { files: tiny(Dtype::F32, 1), told: told.clone() };
    let (sender, inbox) = unbounded();
    for (id, body) in (1..).zip(commands) {
        sender.unbounded_send(Envelope { id, body }).unwrap();
    }
    drop(sender);
    serve(page, inbox).await;
    let told = told.take();
    let failed = told.iter().find(|event| matches!(event, Event::Failed { .. } | Event::DeviceLost { .. }));
    assert!(failed.is_none(), "{failed:?}");
    told
}

fn prune(method: &str, settings: &[(&str, f64)]) -> Command {
    let values = settings.iter().map(|(key, value)| (key.to_string(), Value::Number(*value))).collect();
    Command::Prune { recipe: Recipe { method: method.into(), values, seed: 3 }, amend: false }
}

async fn digests(device: DeviceChoice) -> Vec<String> {
    let files = [TINY, CONFIG].map(|name| FileRef { name: name.into(), bytes: 0 }).into();
    let events = told(vec![
        Command::Hello { version: VERSION, device },
        Command::Load { source: Source::Files { files } },
        prune("magnitude", &[("sparsity", 0.7)]),
        prune("random", &[("sparsity", 0.5)]),
        prune("wanda", &[("sparsity", 0.6), ("samples", 16.0)]),
    ])
    .await;
    events
        .into_iter()
        .filter_map(|event| if let Event::Level(level) = event { Some(level.digest) } else { None })
        .collect()
}

#[wasm_bindgen_test]
async fn masks_are_the_same_on_cpu_and_webgpu() {
    let cpu = digests(DeviceChoice::Cpu).await;
    assert_eq!((cpu.len(), cpu[0].as_str()), (3, DIGEST));
    assert_eq!(digests(DeviceChoice::Gpu).await, cpu);
}

#[wasm_bindgen_test]
async fn everything_else_runs_on_webgpu() {
    let files = [TINY, CONFIG].map(|name| FileRef { name: name.into(), bytes: 0 }).into();
    let events = told(vec![
        Command::Hello { version: VERSION, device: DeviceChoice::Gpu },
        Command::Load { source: Source::Files { files } },
        prune("magnitude", &[("sparsity", 0.7)]),
        Command::Evaluate,
        Command::Time { batch: 2, repeats: 2 },
        Command::Bench { entries: 4096, repeats: 2 },
        Command::Export { format: Format::Zeros },
        Command::UseDevice { device: DeviceChoice::Cpu },
        Command::Undo,
    ])
    .await;
    assert_eq!(events.iter().filter(|event| **event == Event::Done).count(), 9);
}
