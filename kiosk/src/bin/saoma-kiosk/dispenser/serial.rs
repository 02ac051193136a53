//! The dispenser `serial:PORT`: a machine that speaks lines of text, 8 data bits, no parity, one
//! stop bit.
//!
//! ```text
//! we say                      the machine says
//! DISPENSE JOB SHELVES        OK JOB                 the goods are out
//! STATE JOB                   FAILED JOB REASON      nothing came out, for sure
//!                             UNKNOWN JOB            it does not know this job (to STATE)
//! ```
//!
//! A line ends with a line feed; a carriage return before it is fine, and lines that answer
//! another job or are something else are passed over. `DISPENSE` is said once for a job, whatever
//! happens. When no answer comes in time `STATE` is asked, so a machine that remembers its jobs
//! can tell after a power cut; one that does not says nothing, and then it is not known.

use super::{Dispensed, Dispenser, Goods, Told, told};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags},
    io::Errno,
    termios::{self, OptionalActions, QueueSelector},
};
use saoma_kiosk::call::JobId;
use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::PathBuf,
    time::Duration,
};

/// How long a machine may think about `STATE`.
const STATE_WITHIN: Duration = Duration::from_secs(3);
/// How long one look at the port takes at most; a wait is a number of looks.
const LOOK: Duration = Duration::from_millis(100);
/// Longest line; what is longer is no answer.
const LINE_MAX: usize = 200;

pub(super) struct Machine {
    port: PathBuf,
    baud: u32,
    within: Duration,
    /// `None` after an error, until it could be opened again.
    file: Option<File>,
}

impl Machine {
    /// Opens the port, so that a wrong one is noticed at the start.
    pub(super) fn open(port: PathBuf, baud: u32, within: Duration) -> Result<Self, String> {
        let mut machine = Self { port, baud, within, file: None };
        machine.file = Some(machine.connect().map_err(|error| {
            format!("cannot use the dispenser's port {}: {error}", machine.port.display())
        })?);
        Ok(machine)
    }

    fn connect(&self) -> io::Result<File> {
        // Not to wait for a modem's carrier, and not to become the terminal of this program.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(&self.port, flags, Mode::empty())?;
        let mut settings = termios::tcgetattr(&file)?;
        settings.make_raw();
        settings.control_modes |= termios::ControlModes::CLOCAL | termios::ControlModes::CREAD;
        settings.set_speed(self.baud)?;
        termios::tcsetattr(&file, OptionalActions::Now, &settings)?;
        Ok(file.into())
    }

    /// Says a line. `Err` says whether some of it may have been heard.
    fn say(&mut self, line: &str) -> Result<(), Told> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.connect().map_err(|error| self.trouble(Dispensed::Failed, &error))?,
        };
        // Whatever was said before was no answer to this.
        let fresh = termios::tcflush(&file, QueueSelector::IFlush);
        fresh.map_err(|error| self.trouble(Dispensed::Failed, &error.into()))?;
        let said = file.write_all(format!("{line}\n").as_bytes());
        said.map_err(|error| self.trouble(Dispensed::Unknown, &error))?;
        self.file = Some(file);
        Ok(())
    }

    fn trouble(&self, outcome: Dispensed, error: &io::Error) -> Told {
        told(outcome, format!("{}: {error}", self.port.display()))
    }

    /// Waits for the answer to a job; `None` when none comes in time.
    fn hear(&mut self, job: &JobId, within: Duration) -> Option<Told> {
        let mut heard = vec![];
        for _ in 0..within.as_millis().div_ceil(LOOK.as_millis()) {
            let more = self.look(&mut heard);
            if let Err(error) = more {
                self.file = None;
                return Some(self.trouble(Dispensed::Unknown, &error));
            }
            while let Some(end) = heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = heard.drain(..=end).collect();
                if let Some(told) = answer(&String::from_utf8_lossy(&line), job) {
                    return Some(told);
                }
            }
            if heard.len() > LINE_MAX {
                heard.clear();
            }
        }
        None
    }

    /// Reads what there is, or waits a moment for it.
    fn look(&mut self, heard: &mut Vec<u8>) -> io::Result<()> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let moment = Timespec::try_from(LOOK).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&*file, PollFlags::IN)], Some(&moment)) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut bytes = [0; 64];
        match file.read(&mut bytes) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                heard.extend(bytes.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What a line says about a job, if it does.
fn answer(line: &str, job: &JobId) -> Option<Told> {
    let mut words = line.trim().splitn(3, ' ');
    let (word, about, why) = (words.next()?, words.next()?, words.next().unwrap_or_default());
    let outcome = match word {
        "OK" => Dispensed::Done,
        "FAILED" => Dispensed::Failed,
        "UNKNOWN" => Dispensed::Unknown,
        _ => return None,
    };
    (about == job.as_str()).then(|| told(outcome, why))
}

impl Dispenser for Machine {
    fn dispense(&mut self, goods: &Goods) -> Told {
        if let Err(told) = self.say(&format!("DISPENSE {} {}", goods.job, goods.shelves)) {
            return told;
        }
        match self.hear(&goods.job, self.within) {
            Some(told) => told,
            None => self.recall(&goods.job),
        }
    }

    fn recall(&mut self, job: &JobId) -> Told {
        // Whatever happens to the question says nothing about the job.
        if let Err((_, why)) = self.say(&format!("STATE {job}")) {
            return told(Dispensed::Unknown, why);
        }
        let silence = || told(Dispensed::Unknown, "the machine does not answer");
        self.hear(job, STATE_WITHIN).unwrap_or_else(silence)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::goods, *};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::{
        io::{BufRead as _, BufReader},
        sync::mpsc,
        thread,
    };

    /// A machine at the other end of a pseudo terminal, which answers each line with others.
    fn machine(
        within_ms: u64,
        answers: fn(&str) -> &'static str,
    ) -> (Machine, mpsc::Receiver<String>) {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let port = ptsname(&ours, vec![]).unwrap().into_string().unwrap();
        let within = Duration::from_millis(within_ms);
        let machine = Machine::open(port.into(), 115_200, within).unwrap();
        let (sender, lines) = mpsc::channel();
        let ours = File::from(ours);
        thread::spawn(move || {
            let mut writer = ours.try_clone().unwrap();
            for line in BufReader::new(ours).lines().map_while(Result::ok) {
                // In pieces, as ports deliver.
                for byte in answers(&line).bytes() {
                    writer.write_all(&[byte]).unwrap();
                }
                sender.send(line).unwrap();
            }
        });
        (machine, lines)
    }

    #[test]
    fn a_machine_is_told_once_and_says_what_became_of_it() {
        let (mut machine, lines) = machine(20_000, |_| "hello\nOK ship-9\r\nOK ship-1\r\n");
        assert_eq!(machine.dispense(&goods("ship-1")).0, Dispensed::Done);
        assert_eq!(lines.recv().unwrap(), "DISPENSE ship-1 1*2,4*1,99*1");
        let (mut machine, _lines) = self::machine(20_000, |_| "FAILED ship-1 shelf 4 is empty\n");
        let expected = (Dispensed::Failed, "shelf 4 is empty".to_owned());
        assert_eq!(machine.dispense(&goods("ship-1")), expected);
    }

    #[test]
    fn a_machine_that_says_nothing_is_asked_once_more_and_never_told_again() {
        let (mut machine, lines) = machine(200, |line| match line {
            "STATE ship-1" => "OK ship-1\n",
            _ => "",
        });
        assert_eq!(machine.dispense(&goods("ship-1")).0, Dispensed::Done);
        let said: Vec<String> = [lines.recv().unwrap(), lines.recv().unwrap()].into();
        assert_eq!(said, ["DISPENSE ship-1 1*2,4*1,99*1", "STATE ship-1"]);
        let (mut machine, _lines) = self::machine(200, |_| "");
        assert_eq!(machine.dispense(&goods("ship-1")).0, Dispensed::Unknown);
    }

    #[test]
    fn a_machine_that_remembers_tells_after_a_power_cut() {
        let (mut machine, lines) = machine(20_000, |line| match line {
            "STATE ship-1" => "OK ship-1\n",
            "STATE ship-2" => "FAILED ship-2 jammed\n",
            _ => "UNKNOWN ship-3\n",
        });
        let mut recall = |job| machine.recall(&JobId::new(job).unwrap()).0;
        assert_eq!(recall("ship-1"), Dispensed::Done);
        assert_eq!(recall("ship-2"), Dispensed::Failed);
        assert_eq!(recall("ship-3"), Dispensed::Unknown);
        assert!(lines.try_iter().all(|line| line.starts_with("STATE ")));
    }

    #[test]
    fn nonsense_without_end_is_no_answer() {
        let long: &'static str = Box::leak(format!("{}\n", "x".repeat(999)).into_boxed_str());
        assert_eq!(answer(long, &goods("ship-1").job), None);
        let (mut machine, _lines) = machine(300, |_| "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        assert_eq!(machine.dispense(&goods("ship-1")).0, Dispensed::Unknown);
    }

    #[test]
    fn what_is_no_port_is_named_at_the_start() {
        let file = tempfile::NamedTempFile::with_suffix("-port").unwrap();
        for port in [file.path().to_owned(), "/no/port".into()] {
            let problem = Machine::open(port.clone(), 9600, Duration::ZERO).err().unwrap();
            assert!(problem.contains(&port.display().to_string()), "{problem}");
        }
    }
}
