//! The playground page: shows what the engine says and asks it for what the controls say.

mod abilities;
mod atlas;
mod budget;
mod by_hand;
mod chart;
mod conductor;
mod contrast;
mod drawings;
mod facts;
mod fields;
mod figures;
mod frames;
mod gallery;
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
mod results;
mod save;
mod sensitivity;
mod share;
mod slices;
mod speed;
mod state;
mod structure;
mod theme;
mod tokens;
mod training;
mod transport;
mod unfinished;
mod wall;
mod wishes;
mod zipped;

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(panels::page);
}
