//! A static server for dist/, on this machine only: any static host does as well.

use std::net::{Ipv4Addr, SocketAddr};
use std::{io, thread};

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::shell::Result;
use crate::{build, setup};

/// Builds the page if it is stale and serves it until the program is stopped.
pub fn run(port: u16) -> Result {
    build::page(&setup::for_page()?)?;
    let server = Server::listen(port).map_err(|error| format!("port {port}: {error}; name another with --port"))?;
    println!("Secateur is at http://{}/ (Ctrl-C stops it)", server.address()?);
    Ok(server.answer()?)
}

/// Serves dist/ on a free port for as long as this program runs; gives back the address of the page.
pub fn in_background() -> Result<String> {
    let server = Server::listen(0)?;
    let url = format!("http://{}/", server.address()?);
    thread::spawn(move || server.answer());
    Ok(url)
}

struct Server {
    runtime: Runtime,
    listener: TcpListener,
}

impl Server {
    fn listen(port: u16) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)))?;
        Ok(Self { runtime, listener })
    }

    fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Returns only when it fails.
    fn answer(self) -> io::Result<()> {
        // The worker's files keep their names from build to build: the browser has to ask whether they are new.
        let ask_again = SetResponseHeaderLayer::overriding(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let site = Router::new().fallback_service(ServeDir::new(build::dist())).layer(ask_again);
        self.runtime.block_on(async { axum::serve(self.listener, site).await })
    }
}
