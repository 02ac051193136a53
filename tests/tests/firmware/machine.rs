//! The dispenser: what really moves is counted here, whatever anybody believes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// How long the goods take.
const TAKES: Duration = Duration::from_millis(60);

/// A moment of a dispenser at which the power may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It has been told, and nothing has moved.
    Told,
    /// The goods are out, and it has not said so.
    Moved,
    /// It has said so.
    Said,
}

/// A dispenser that remembers its jobs, or one that does not.
#[derive(Clone, Default)]
pub(crate) struct Machine(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// How often goods came out, by job.
    moved: BTreeMap<String, u32>,
    goods: Vec<String>,
    is_forgetful: bool,
    cut: Option<(Moment, mpsc::UnboundedSender<()>)>,
}

impl Machine {
    /// A dispenser that boards find at `path`.
    pub(crate) fn start(path: &Path) -> Self {
        let machine = Self::default();
        let listener = UnixListener::bind(path).unwrap();
        let served = machine.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(stream));
            }
        });
        machine
    }

    /// How often goods came out, by job.
    pub(crate) fn moved(&self) -> BTreeMap<String, u32> {
        self.0.lock().unwrap().moved.clone()
    }

    /// The goods as the terminal named them, in the order of their coming out.
    pub(crate) fn goods(&self) -> Vec<String> {
        self.0.lock().unwrap().goods.clone()
    }

    pub(crate) fn forget_from_now_on(&self, is_forgetful: bool) {
        self.0.lock().unwrap().is_forgetful = is_forgetful;
    }

    /// Tells when a job comes to this moment, and does nothing more with it: the power is gone.
    pub(crate) fn stop_at(&self, moment: Moment) -> mpsc::UnboundedReceiver<()> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.lock().unwrap().cut = Some((moment, sender));
        receiver
    }

    async fn serve(self, stream: UnixStream) {
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let words: Vec<&str> = line.split(' ').collect();
            let answer = match words.as_slice() {
                ["DISPENSE", job, goods] => {
                    if self.is_cut(Moment::Told) {
                        return;
                    }
                    sleep(TAKES).await;
                    self.move_goods(job, goods);
                    if self.is_cut(Moment::Moved) {
                        return;
                    }
                    format!("OK {job}\n")
                }
                ["STATE", job] => self.recall(job),
                _ => continue,
            };
            if writer.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            if words[0] == "DISPENSE" && self.is_cut(Moment::Said) {
                return;
            }
        }
    }

    fn move_goods(&self, job: &str, goods: &str) {
        let mut state = self.0.lock().unwrap();
        *state.moved.entry(job.to_owned()).or_default() += 1;
        state.goods.push(goods.to_owned());
    }

    fn recall(&self, job: &str) -> String {
        let state = self.0.lock().unwrap();
        match (state.is_forgetful, state.moved.contains_key(job)) {
            (true, _) => format!("UNKNOWN {job}\n"),
            (false, true) => format!("OK {job}\n"),
            (false, false) => format!("FAILED {job} never moved\n"),
        }
    }

    fn is_cut(&self, moment: Moment) -> bool {
        let mut state = self.0.lock().unwrap();
        let cut = state.cut.take_if(|(at, _)| *at == moment);
        if let Some((_, tell)) = &cut {
            let _ = tell.send(());
        }
        cut.is_some()
    }
}
