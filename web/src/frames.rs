//! Drawing in animation frames: the newest wish of each canvas, a few milliseconds at a time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use leptos::prelude::request_animation_frame;

/// Time a frame may take away from scrolling and typing.
const BUDGET_MS: f64 = 8.0;

/// Names a canvas in the queue.
pub type Key = u32;

thread_local! {
    static QUEUE: RefCell<BTreeMap<Key, Box<dyn FnOnce()>>> = const { RefCell::new(BTreeMap::new()) };
    static ASKED: Cell<bool> = const { Cell::new(false) };
    static NEXT: Cell<Key> = const { Cell::new(0) };
}

/// A key that nobody else has.
pub fn key() -> Key {
    NEXT.replace(NEXT.get() + 1)
}

/// Draws in a coming frame; a newer wish under the same key takes this one's place.
pub fn later(key: Key, draw: impl FnOnce() + 'static) {
    QUEUE.with_borrow_mut(|queue| drop(queue.insert(key, Box::new(draw))));
    ask();
}

fn ask() {
    if !ASKED.replace(true) {
        request_animation_frame(frame);
    }
}

fn frame() {
    ASKED.set(false);
    let start = now_ms();
    while let Some((_, draw)) = QUEUE.with_borrow_mut(BTreeMap::pop_first) {
        draw();
        if now_ms() - start > BUDGET_MS {
            break;
        }
    }
    if QUEUE.with_borrow(|queue| !queue.is_empty()) {
        ask();
    }
}

/// Milliseconds since the page was opened.
pub fn now_ms() -> f64 {
    leptos::prelude::window().performance().map_or(0.0, |clock| clock.now())
}
