//! The command line's side of the conversation with the engine.

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::StreamExt;
use futures_util::future::join;
use secateur_engine::serve;
use secateur_protocol::{Adapter, Command, DeviceChoice, Envelope, Event, Loaded, RequestId, Source, VERSION};

use crate::Result;
use crate::host::{Desktop, Message};
use crate::model::source;
use crate::progress::Progress;

pub struct Client {
    commands: UnboundedSender<Envelope<Command>>,
    events: UnboundedReceiver<Message>,
    progress: Progress,
    asked: RequestId,
}

/// Runs a conversation with a fresh engine. Both sides share this thread and take turns.
pub fn talk<T>(progress: Progress, conversation: impl AsyncFnOnce(&mut Client) -> Result<T>) -> Result<T> {
    let (commands, inbox) = unbounded();
    let (outbox, events) = unbounded();
    let mut client = Client { commands, events, progress, asked: 0 };
    let client_side = async move {
        let said = conversation(&mut client).await;
        drop(client); // closes the inbox, which ends the engine
        said
    };
    pollster::block_on(join(client_side, serve(Desktop::new(outbox), inbox))).0
}

/// Opens a model and tells what it is, for commands that ask nothing else of the engine.
pub fn look(progress: Progress, model: &str) -> Result<Loaded> {
    let source = source(model)?;
    talk(progress, async |client| {
        client.hello(DeviceChoice::Cpu).await?;
        client.load(source).await
    })
}

impl Client {
    /// Sends a command and waits until its job has ended; gives what it told on the way.
    pub async fn ask(&mut self, command: Command) -> Result<Vec<Message>> {
        let mut told = Vec::new();
        let hear = |message| {
            told.push(message);
            Ok(())
        };
        self.listen(command, hear).await?;
        Ok(told)
    }

    /// Sends a command, hears what its job tells, and waits until it has ended. A job that is heard with an error is
    /// cancelled.
    pub async fn listen(&mut self, command: Command, mut hear: impl FnMut(Message) -> Result) -> Result {
        let id = self.send(command)?;
        let mut heard = Ok(());
        while let Some((event, blobs)) = self.events.next().await {
            match event.body {
                Event::Progress { done, total, unit } => self.progress.show(done, total, unit),
                Event::Learning { step, steps, loss, rate, .. } => self.progress.learning(step, steps, loss, rate),
                Event::Done => {
                    self.progress.clear();
                    return heard;
                }
                Event::Cancelled => return heard.and(Err("the job was cancelled".into())),
                Event::Failed { error } => {
                    self.progress.clear();
                    return Err(error.into());
                }
                _ if heard.is_err() => {}
                _ => {
                    heard = hear((event, blobs));
                    if heard.is_err() {
                        self.send(Command::Cancel { of: id })?;
                    }
                }
            }
        }
        Err("the engine stopped without an answer; please report this".into())
    }

    fn send(&mut self, command: Command) -> Result<RequestId> {
        self.asked += 1;
        self.commands.unbounded_send(Envelope { id: self.asked, body: command })?;
        Ok(self.asked)
    }

    /// [`Client::ask`] for the one event that `pick` recognises.
    pub async fn ask_for<T>(
        &mut self,
        command: Command,
        pick: impl Fn(Event) -> Option<T>,
    ) -> Result<(T, Vec<Vec<u8>>)> {
        let told = self.ask(command).await?;
        let found = told.into_iter().find_map(|(event, blobs)| Some((pick(event.body)?, blobs)));
        found.ok_or_else(|| "the engine left out its answer; please report this".into())
    }

    pub async fn hello(&mut self, device: DeviceChoice) -> Result<Adapter> {
        let hello = Command::Hello { version: VERSION, device };
        let ready = |event| match event {
            Event::Ready { adapter, .. } => Some(adapter),
            _ => None,
        };
        Ok(self.ask_for(hello, ready).await?.0)
    }

    pub async fn load(&mut self, source: Source) -> Result<Loaded> {
        let loaded = |event| match event {
            Event::Loaded(loaded) => Some(*loaded),
            _ => None,
        };
        Ok(self.ask_for(Command::Load { source }, loaded).await?.0)
    }

    /// Pairs an answer's files with their bytes.
    pub fn files(files: Vec<secateur_protocol::FileOut>, mut blobs: Vec<Vec<u8>>) -> Vec<(String, Vec<u8>)> {
        files.into_iter().map(|file| (file.name, std::mem::take(&mut blobs[file.data.0 as usize]))).collect()
    }
}
