//! The serial line between board and bridge, with the noise of a shop's floor.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex;

/// A line; both ends may go and come back.
#[derive(Clone, Default)]
pub(crate) struct Line {
    noise_per_10000: Arc<AtomicU32>,
    writers: [Arc<Mutex<Option<OwnedWriteHalf>>>; 2],
}

impl Line {
    /// A line whose ends find it at two paths.
    pub(crate) fn start(ends: [&Path; 2]) -> Self {
        let line = Self::default();
        for (here, path) in ends.into_iter().enumerate() {
            let listener = UnixListener::bind(path).unwrap();
            let line = line.clone();
            tokio::spawn(async move {
                let mut random = 0x2545_f491_4f6c_dd1d_u64 ^ here as u64;
                while let Ok((stream, _)) = listener.accept().await {
                    let (reader, writer) = stream.into_split();
                    *line.writers[here].lock().await = Some(writer);
                    line.carry(reader, 1 - here, &mut random).await;
                    *line.writers[here].lock().await = None;
                }
            });
        }
        line
    }

    /// How many of 10000 bytes are changed, lost or doubled.
    pub(crate) fn make_noise(&self, per_10000: u32) {
        self.noise_per_10000.store(per_10000, Ordering::Relaxed);
    }

    async fn carry(&self, mut from: OwnedReadHalf, to: usize, random: &mut u64) {
        let mut bytes = [0; 512];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            let carried = self.through_noise(&bytes[..count], random);
            if let Some(writer) = &mut *self.writers[to].lock().await {
                // An end that has gone away hears nothing.
                let _ = writer.write_all(&carried).await;
            }
        }
    }

    fn through_noise(&self, bytes: &[u8], random: &mut u64) -> Vec<u8> {
        let noise = u64::from(self.noise_per_10000.load(Ordering::Relaxed));
        let mut carried = Vec::with_capacity(bytes.len() + 8);
        for byte in bytes {
            *random ^= *random << 13;
            *random ^= *random >> 7;
            *random ^= *random << 17;
            if *random % 10_000 >= noise {
                carried.push(*byte);
                continue;
            }
            match (*random >> 32) % 3 {
                0 => carried.push(byte ^ (1 << ((*random >> 40) % 8))),
                1 => carried.extend([*byte, *byte]),
                _ => {}
            }
        }
        carried
    }
}
