//! A static server for dist/, on this machine only: any static host does as well.

use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::{io, thread};

use tiny_http::{Header, Request, Response, Server};

use crate::shell::Result;
use crate::{build, setup};

/// Builds the page if it is stale and serves it until the program is stopped.
pub fn run(port: u16) -> Result {
    build::page(&setup::for_page()?)?;
    let server = listen(port).map_err(|error| format!("port {port}: {error}; name another with --port"))?;
    println!("Secateur is at http://{}/ (Ctrl-C stops it)", server.server_addr());
    answer(&server);
    Ok(())
}

fn listen(port: u16) -> Result<Server> {
    Ok(Server::http(("127.0.0.1", port)).map_err(|error| error.to_string())?)
}

fn answer(server: &Server) {
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| server.incoming_requests().for_each(|request| drop(respond(request))));
        }
    });
}

/// A browser that went away while we answered is no error of ours.
fn respond(request: Request) -> io::Result<()> {
    let Some(path) = file_of(request.url()) else { return request.respond(Response::empty(400)) };
    let Ok(file) = File::open(&path) else { return request.respond(Response::empty(404)) };
    let header = |name: &str, value: &str| Header::from_bytes(name, value).expect("header of plain ASCII");
    let response = Response::from_file(file)
        .with_header(header("Content-Type", media_type(&path)))
        .with_header(header("Cache-Control", "no-cache"));
    request.respond(response)
}

/// The file for an address; `None` if it would lie outside dist/.
fn file_of(url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?.trim_start_matches('/');
    let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let file = build::dist().join(path);
    inside.then(|| if file.is_dir() { file.join("index.html") } else { file })
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_inside_dist() {
        assert_eq!(file_of("/worker.js?v=1"), Some(build::dist().join("worker.js")));
        assert_eq!(file_of("/../Cargo.toml"), None);
        assert_eq!(file_of("/public/../../Cargo.toml"), None);
    }

    #[test]
    fn wasm_has_the_type_that_streaming_compilation_asks_for() {
        assert_eq!(media_type(Path::new("worker_bg.wasm")), "application/wasm");
        assert_eq!(media_type(Path::new("model.safetensors")), "application/octet-stream");
    }
}
