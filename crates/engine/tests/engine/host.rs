//! A host in memory.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use futures_channel::mpsc::{UnboundedSender, unbounded};
use secateur_engine::{Asset, Host, OpenError, serve};
use secateur_formats::safetensors::{self, Dtype};
use secateur_formats::{MemoryFile, ReadAt};
use secateur_protocol::{
    Command, DeviceChoice, Envelope, Event, FileRef, Level, Recipe, Report, RequestId, Source, VERSION, Value,
};

/// An event and the buffers it names.
pub type Told = (Event, Vec<Vec<u8>>);

/// A run's commands get the ids 1, 2, 3 ...; everything told, by id.
pub struct Run(BTreeMap<RequestId, Vec<Told>>);

struct InMemory {
    files: BTreeMap<String, MemoryFile>,
    told: Rc<RefCell<Vec<(RequestId, Told)>>>,
    now_ms: Cell<f64>,
    pauses: Cell<usize>,
    /// Sent at the given pause.
    later: RefCell<Vec<(usize, Envelope<Command>)>>,
    /// Open until the last of the first commands has ended.
    inbox: RefCell<Option<UnboundedSender<Envelope<Command>>>>,
    last: RequestId,
}

impl Host for InMemory {
    type File = MemoryFile;

    fn now_ms(&self) -> f64 {
        self.now_ms.set(self.now_ms.get() + 1.0);
        self.now_ms.get()
    }

    async fn pause(&self) {
        self.pauses.set(self.pauses.get() + 1);
        self.later.borrow_mut().retain(|(at, command)| {
            let due = *at == self.pauses.get();
            if let (true, Some(inbox)) = (due, &*self.inbox.borrow()) {
                inbox.unbounded_send(command.clone()).unwrap();
            }
            !due
        });
    }

    async fn open(&self, asset: Asset<'_>) -> Result<MemoryFile, OpenError> {
        let missing = |name: &str| OpenError { name: name.into(), reason: "there is no such file".into() };
        match asset {
            Asset::User(name) => self.files.get(name).cloned().ok_or_else(|| missing(name)),
            Asset::BuiltIn(path) => {
                let path = format!("{}/../../public/{path}", env!("CARGO_MANIFEST_DIR"));
                Ok(MemoryFile::new(std::fs::read(&path).map_err(|_| missing(&path))?))
            }
        }
    }

    fn most_weight_bytes(&self) -> u64 {
        8 << 20
    }

    fn send(&self, event: Envelope<Event>, blobs: Vec<Vec<u8>>) {
        if event.id == self.last && is_end(&event.body) {
            self.inbox.take();
        }
        self.told.borrow_mut().push((event.id, (event.body, blobs)));
    }
}

fn is_end(event: &Event) -> bool {
    matches!(event, Event::Done | Event::Cancelled | Event::Failed { .. })
}

/// Runs commands that are all there from the beginning.
pub fn run(files: &[(&str, Vec<u8>)], commands: Vec<Command>) -> Run {
    run_and(files, commands, Vec::new())
}

/// [`run`], with a command that arrives at the given pause; it gets the id 100.
pub fn run_and(files: &[(&str, Vec<u8>)], commands: Vec<Command>, later: Vec<(usize, Command)>) -> Run {
    let (sender, inbox) = unbounded();
    let asked: Vec<(RequestId, Command)> = (1..).zip(commands).collect();
    for (id, body) in asked.iter().cloned() {
        sender.unbounded_send(Envelope { id, body }).unwrap();
    }
    let told = Rc::new(RefCell::new(Vec::new()));
    let host = InMemory {
        files: files.iter().map(|(name, bytes)| (name.to_string(), MemoryFile::new(bytes.clone()))).collect(),
        told: told.clone(),
        now_ms: Cell::default(),
        pauses: Cell::default(),
        inbox: RefCell::new(Some(sender)),
        last: asked.len() as RequestId,
        later: RefCell::new(later.into_iter().map(|(at, body)| (at, Envelope { id: 100, body })).collect()),
    };
    pollster::block_on(serve(host, inbox));
    let mut run = Run(asked.iter().map(|(id, _)| (*id, Vec::new())).collect());
    for (id, told) in told.take() {
        run.0.entry(id).or_default().push(told);
    }
    for (id, command) in asked {
        run.ends_once(id, &command);
    }
    run
}

impl Run {
    /// Every job ends with exactly one of Done, Cancelled and Failed, and says nothing after it.
    fn ends_once(&self, id: RequestId, command: &Command) {
        let told = &self.0[&id];
        assert_eq!(told.iter().filter(|(event, _)| is_end(event)).count(), 1, "{command:?}");
        assert!(is_end(&told.last().unwrap().0), "{command:?}");
    }

    pub fn told(&self, id: RequestId) -> &[Told] {
        &self.0[&id]
    }

    pub fn end(&self, id: RequestId) -> &Event {
        &self.0[&id].last().unwrap().0
    }

    /// The sentence a command failed with.
    pub fn error(&self, id: RequestId) -> &str {
        match self.end(id) {
            Event::Failed { error } => error,
            other => panic!("command {id} ended with {other:?}"),
        }
    }

    pub fn find<T>(&self, id: RequestId, pick: impl Fn(&Told) -> Option<T>) -> T {
        assert_eq!(*self.end(id), Event::Done, "command {id}");
        self.0[&id].iter().find_map(pick).unwrap_or_else(|| panic!("command {id} left out its answer"))
    }

    pub fn level(&self, id: RequestId) -> Level {
        self.find(id, |(event, _)| if let Event::Level(level) = event { Some((**level).clone()) } else { None })
    }

    pub fn report(&self, id: RequestId) -> Report {
        self.find(id, |(event, _)| match event {
            Event::Report(report) | Event::Exported { report, .. } => Some(report.clone()),
            _ => None,
        })
    }
}

pub fn hello() -> Command {
    Command::Hello { version: VERSION, device: DeviceChoice::Cpu }
}

pub fn load(files: &[&str]) -> Command {
    let files = files.iter().map(|name| FileRef { name: name.to_string(), bytes: 0 }).collect();
    Command::Load { source: Source::Files { files } }
}

pub fn recipe(method: &str, sparsity: f64) -> Recipe {
    Recipe { method: method.into(), values: [("sparsity".into(), Value::Number(sparsity))].into(), seed: 0 }
}

pub fn prune(method: &str, sparsity: f64) -> Command {
    Command::Prune { recipe: recipe(method, sparsity), amend: false }
}

/// Every tensor of a file as numbers, by name.
pub fn tensors(bytes: &[u8]) -> BTreeMap<String, Vec<f32>> {
    pollster::block_on(async {
        let file = bytes;
        let header = safetensors::read_header(&file).await.unwrap();
        let mut out = BTreeMap::new();
        for tensor in &header.tensors {
            let values = match tensor.dtype {
                Dtype::U8 => file.read(tensor.range.clone()).await.unwrap().iter().map(|v| f32::from(*v)).collect(),
                _ => safetensors::read_f32(&file, tensor).await.unwrap(),
            };
            out.insert(tensor.name.clone(), values);
        }
        out
    })
}
