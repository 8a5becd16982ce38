//! Line icons, 20 x 20, in the colour of the text around them.

use leptos::prelude::*;

fn icon(path: &'static str) -> AnyView {
    view! {
        <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
            <path d=path />
        </svg>
    }
    .into_any()
}

pub fn undo() -> AnyView {
    icon("M7.5 4 3.5 8l4 4M4 8h8a4.5 4.5 0 0 1 0 9H8")
}

pub fn redo() -> AnyView {
    icon("m12.5 4 4 4-4 4M16 8H8a4.5 4.5 0 0 0 0 9h4")
}

pub fn link() -> AnyView {
    icon(
        "M8.5 11.5a3.2 3.2 0 0 0 4.6 0l3-3a3.2 3.2 0 0 0-4.6-4.6l-1 1M11.5 8.5a3.2 3.2 0 0 0-4.6 0l-3 3a3.2 3.2 0 0 0 4.6 4.6l1-1",
    )
}

pub fn download() -> AnyView {
    icon("M10 3v10M6 9.5l4 4 4-4M4 17h12")
}

pub fn open() -> AnyView {
    icon("M3 16V5.5A1.5 1.5 0 0 1 4.5 4H8l2 2.500h5.500A1.5 1.5 0 0 1 17 8v8zM10 13.500v-4M8 11.500l2-2 2 2")
}

pub fn close() -> AnyView {
    icon("m5 5 10 10M15 5 5 15")
}

pub fn half_moon() -> AnyView {
    icon("M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14")
}

/// The mark: a bypass secateur, half open.
pub fn mark() -> AnyView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <path class="mark-handle" d="M17 15.500C12.5 15.5 7.5 17.5 3.5 22" />
            <path class="mark-handle" d="M17 15.500C16.5 20 14.5 24.5 10 28.5" />
            <path class="mark-hook" d="M17.5 16C22 18 27.5 16.5 30 11.5" />
            <path class="mark-blade" d="M15.5 15.800C15.8 8.5 20.5 3.5 28.5 2.5 28.8 9.5 24.5 15 17.5 17.300z" />
            <circle class="mark-pivot" cx="17.3" cy="15.3" r="1.6" />
        </svg>
    }
    .into_any()
}
