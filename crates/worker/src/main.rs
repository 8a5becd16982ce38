//! The program that Trunk builds for the page's worker.

fn main() {
    secateur_worker::start();
}
