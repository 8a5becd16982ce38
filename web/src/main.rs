//! The playground page: shows what the engine says and asks it for what the controls say.

mod abilities;
mod atlas;
mod budget;
mod conductor;
mod drawings;
mod facts;
mod fields;
mod figures;
mod frames;
mod heat;
mod icons;
mod lanes;
mod links;
mod metric;
mod panels;
mod pen;
mod picture;
mod plan;
mod recorded;
mod save;
mod share;
mod speed;
mod state;
mod theme;
mod tokens;
mod transport;
mod wishes;
mod zipped;

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(panels::page);
}
