//! What nobody can do better, measured in the same run: HTTP that does nothing, and a database that
//! is told nothing but one row at a time.

use crate::machine::now;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, header};
use axum::routing::post;
use saoma_core::api::ACK_SUCCESS;
use saoma_tests::Program;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::process::Command;

/// The argument with which this program is nothing but axum.
pub(crate) const BARE_AXUM: &str = "bare-axum";

/// Axum in a process of its own, with as many threads as the server has.
pub(crate) struct BareAxum {
    program: Program,
    pub(crate) address: SocketAddr,
}

impl BareAxum {
    pub(crate) async fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("our own path"));
        command.arg(BARE_AXUM);
        let (program, address) = Program::start("axum", &mut command, "axum ready on ", false)
            .await
            .expect("axum starts");
        Self { program, address: address.parse().expect("an address") }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.program.id().expect("axum runs")
    }
}

/// Answers every notification with the bytes with which the server acknowledges it.
pub(crate) fn serve_bare_axum() {
    let acknowledge = async |body: Bytes| {
        drop(body);
        let headers: [(HeaderName, &'static str); 3] = [
            (header::CONTENT_TYPE, "text/xml; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (headers, ACK_SUCCESS)
    };
    let serve = async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        println!("axum ready on {address}");
        std::io::stdout().flush().expect("somebody reads");
        let app = Router::new().route("/wx/v2/notify", post(acknowledge));
        axum::serve(listener, app).await
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(serve).expect("axum serves");
}

/// Durable commits a second, one after the other, each of one row that holds a notification, on
/// SQLite as the server sets it: `journal_mode` WAL, `synchronous` FULL.
pub(crate) fn bare_sqlite(folder: &Path, body: &str, time: Duration) -> u64 {
    let file = folder.join("bare.db");
    let connection = rusqlite::Connection::open(&file).expect("a database");
    let settings = "pragma journal_mode = wal; pragma synchronous = full;
         create table message (digest text primary key, body text not null);";
    connection.execute_batch(settings).expect("a table");
    let sql = "insert into message (digest, body) values (?1, ?2)";
    let mut insert = connection.prepare(sql).expect("a statement");
    let start = now();
    let mut count: u64 = 0;
    while start.elapsed() < time {
        let digest = format!("{:064x}", u128::from(count) * 0x1234_5678_9abc_def1);
        insert.execute((&digest, body)).expect("a row");
        count += 1;
    }
    let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    let per_s = count * 1_000_000 / micros.max(1);
    drop(insert);
    connection.close().expect("it closes");
    for end in ["", "-wal", "-shm"] {
        // Those that SQLite has removed itself are not there.
        let _ = std::fs::remove_file(folder.join(format!("bare.db{end}")));
    }
    per_s
}
