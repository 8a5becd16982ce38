use std::cell::RefCell;
use std::rc::Rc;

use futures_channel::oneshot;
use wasm_bindgen::prelude::*;
use web_sys::{MessageChannel, MessagePort};

/// A turn of the event loop, so that messages get in. Timers would take 4 ms each; a message to oneself does not.
pub struct Breath {
    port: MessagePort,
    waiting: Rc<RefCell<Option<oneshot::Sender<()>>>>,
    _on_message: Closure<dyn Fn()>,
}

impl Breath {
    /// None where the browser has no message channels.
    pub fn new() -> Option<Self> {
        let channel = MessageChannel::new().ok()?;
        let waiting = Rc::new(RefCell::new(None::<oneshot::Sender<()>>));
        let woken = waiting.clone();
        let on_message = Closure::<dyn Fn()>::new(move || {
            if let Some(waiting) = woken.take() {
                let _ = waiting.send(()); // a job that was dropped meanwhile waits no more
            }
        });
        channel.port1().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Some(Self { port: channel.port2(), waiting, _on_message: on_message })
    }

    pub async fn take(&self) {
        let (sender, receiver) = oneshot::channel();
        self.waiting.replace(Some(sender));
        if self.port.post_message(&JsValue::NULL).is_ok() {
            let _ = receiver.await; // only one job waits at a time: nobody drops the sender
        }
    }
}
