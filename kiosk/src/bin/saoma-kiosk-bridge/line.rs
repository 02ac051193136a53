//! The line to the terminal: opened, read in a thread, and opened again when it breaks off.

use crate::{args::Serial, bridge::Event, clock};
use rustix::termios::{ControlModes, OptionalActions, tcgetattr, tcsetattr};
use saoma_kiosk::serial::{
    frame::{self, Reader},
    message::{TO_BRIDGE_MAX, ToBridge},
};
use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    sync::mpsc::Sender,
    thread,
    time::Duration,
};

/// How long to wait before a line is opened again.
const AGAIN_AFTER: Duration = Duration::from_millis(300);
/// The line's speed.
const BAUD: u32 = 115_200;

/// The end that writes.
pub(crate) type Writer = Box<dyn Write + Send>;

/// Opens the line and keeps it open.
pub(crate) fn open(serial: Serial, events: Sender<Event>) {
    thread::spawn(move || {
        let mut problem = String::new();
        loop {
            match connect(&serial) {
                Ok((reader, writer)) => {
                    problem.clear();
                    if events.send(Event::Line(Some(writer))).is_err() {
                        return;
                    }
                    read(reader, &events);
                    if events.send(Event::Line(None)).is_err() {
                        return;
                    }
                }
                // Said once, however often it is tried.
                Err(error) if error.to_string() != problem => {
                    problem = error.to_string();
                    if events.send(Event::NoLine(problem.clone())).is_err() {
                        return;
                    }
                }
                Err(_) => {}
            }
            clock::wait(AGAIN_AFTER);
        }
    });
}

fn connect(serial: &Serial) -> io::Result<(Box<dyn Read>, Writer)> {
    match serial {
        Serial::Socket(path) => {
            let reader = UnixStream::connect(path)?;
            let writer = reader.try_clone()?;
            Ok((Box::new(reader), Box::new(writer)))
        }
        Serial::Device(path) => {
            let reader = File::options().read(true).write(true).open(path)?;
            let mut settings = tcgetattr(&reader)?;
            settings.make_raw();
            settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
            settings.set_speed(BAUD)?;
            tcsetattr(&reader, OptionalActions::Flush, &settings)?;
            let writer = reader.try_clone()?;
            Ok((Box::new(reader), Box::new(writer)))
        }
    }
}

/// Reads until the line breaks off.
fn read(mut line: Box<dyn Read>, events: &Sender<Event>) {
    let mut frames = Reader::<TO_BRIDGE_MAX>::new();
    let mut bytes = [0; 256];
    loop {
        let count = match line.read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        for byte in bytes.iter().take(count) {
            let event = match frames.take(*byte) {
                None => continue,
                Some(frame::Event::Noise) => Event::Noise,
                Some(frame::Event::Frame(content)) => {
                    ToBridge::read(content).map_or(Event::Noise, Event::heard)
                }
            };
            if events.send(event).is_err() {
                return;
            }
        }
    }
}
