//! What hands the goods over. Each job is given to it once; what became of it is told, and when
//! that cannot be known, just that.

mod command;
#[cfg(target_os = "linux")]
mod gpio;
mod serial;

use saoma_kiosk::{
    app::Dispensed,
    basket::Basket,
    call::JobId,
    menu::{Item, numbered},
};
use std::{
    path::PathBuf,
    sync::mpsc::{Sender, channel},
    thread,
    time::Duration,
};

/// How long the simulated one takes.
const SIMULATED_TAKES: Duration = Duration::from_millis(700);

/// Which dispenser, as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None: it says that the goods are out.
    Simulated,
    /// A program.
    Command(PathBuf),
    /// A line of a GPIO chip.
    Gpio(Line),
    /// A machine at a serial port.
    Serial { port: PathBuf, baud: u32 },
}

/// A line that opens a flap for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    chip: PathBuf,
    offset: u32,
    pulse: Duration,
    active_low: bool,
}

impl Kind {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        match name {
            "simulated" if rest.is_empty() => Ok(Self::Simulated),
            "command" if !rest.is_empty() => Ok(Self::Command(rest.into())),
            "gpio" => Line::parse(rest).map(Self::Gpio).ok_or_else(|| {
                "a line is like gpio:/dev/gpiochip0:17, with the pulse in milliseconds (1 to \
                 60000) and `low` where it is active low: gpio:/dev/gpiochip0:17:500:low"
                    .into()
            }),
            "serial" if !rest.is_empty() => {
                let (port, baud) = rest.split_once(':').unwrap_or((rest, "9600"));
                let baud = baud.parse().ok().filter(|baud| (300..=4_000_000).contains(baud));
                let baud = baud.ok_or(
                    "a port is like serial:/dev/ttyUSB0 or with its speed, \
                                       serial:/dev/ttyUSB0:115200",
                )?;
                Ok(Self::Serial { port: port.into(), baud })
            }
            _ => Err("it must be simulated, command:PROGRAM, gpio:CHIP:LINE or serial:PORT; \
                      --help explains them"
                .into()),
        }
    }
}

impl Line {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let chip = parts.next().filter(|chip| !chip.is_empty())?.into();
        let offset = parts.next()?.parse().ok()?;
        let (mut pulse_ms, mut active_low) = (500, false);
        for part in parts {
            match part {
                "low" => active_low = true,
                digits => pulse_ms = digits.parse().ok().filter(|ms| (1..=60_000).contains(ms))?,
            }
        }
        Some(Self { chip, offset, pulse: Duration::from_millis(pulse_ms), active_low })
    }
}

/// Goods to be handed over, as dispensers understand them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Goods {
    pub(crate) job: JobId,
    /// The order's number, as staff and customer see it.
    pub(crate) order_no: String,
    /// The items' numbers and counts, `1*2,4*1`.
    pub(crate) shelves: String,
    /// Their names and counts, `latte*2,egg-tart*1`.
    pub(crate) names: String,
}

impl Goods {
    pub(crate) fn new(job: JobId, order_no: &str, basket: &Basket, menu: &'static [Item]) -> Self {
        let lines = basket.lines();
        let list = |each: &dyn Fn(u16) -> String| {
            let parts = lines.iter().map(|line| format!("{}*{}", each(line.no), line.count));
            parts.collect::<Vec<_>>().join(",")
        };
        let name = |no| numbered(menu, no).map_or_else(|| no.to_string(), |item| item.name.into());
        Self {
            job,
            order_no: order_no.to_owned(),
            shelves: list(&|no| no.to_string()),
            names: list(&name),
        }
    }
}

/// What became of a job, and what there is to say about it.
pub(crate) type Told = (Dispensed, String);

fn told(outcome: Dispensed, why: impl Into<String>) -> Told {
    (outcome, why.into())
}

/// Something that hands goods over.
trait Dispenser: Send {
    /// Moves the goods out, and comes back when they are out or not.
    fn dispense(&mut self, goods: &Goods) -> Told;

    /// What became of a job of earlier; moves nothing.
    fn recall(&mut self, _job: &JobId) -> Told {
        told(Dispensed::Unknown, "this dispenser remembers no jobs")
    }
}

struct Simulated;

impl Dispenser for Simulated {
    fn dispense(&mut self, _: &Goods) -> Told {
        thread::sleep(SIMULATED_TAKES);
        told(Dispensed::Done, "simulated")
    }
}

/// What the dispenser's thread is asked for.
#[derive(Debug)]
pub(crate) enum Ask {
    Dispense(Goods),
    Recall(JobId),
}

/// What a dispenser's thread is told once.
pub(crate) struct Options {
    pub(crate) kind: Kind,
    /// After this time it is not known what became of a job.
    pub(crate) within: Duration,
    /// A command understands `state JOB`.
    pub(crate) command_recalls: bool,
}

/// Starts the dispenser's thread. It ends when the sender is dropped.
pub(crate) fn start<T: Send + 'static>(
    options: Options,
    events: Sender<T>,
    event: fn(JobId, Told) -> T,
) -> Result<Sender<Ask>, String> {
    let mut dispenser: Box<dyn Dispenser> = match options.kind {
        Kind::Simulated => Box::new(Simulated),
        Kind::Command(program) => {
            Box::new(command::Program::new(program, options.within, options.command_recalls)?)
        }
        Kind::Gpio(line) => gpio(line)?,
        Kind::Serial { port, baud } => Box::new(serial::Machine::open(port, baud, options.within)?),
    };
    let (sender, asked) = channel();
    thread::spawn(move || {
        for ask in asked {
            let (job, told) = match ask {
                Ask::Dispense(goods) => {
                    let told = dispenser.dispense(&goods);
                    (goods.job, told)
                }
                Ask::Recall(job) => {
                    let told = dispenser.recall(&job);
                    (job, told)
                }
            };
            if events.send(event(job, told)).is_err() {
                return;
            }
        }
    });
    Ok(sender)
}

#[cfg(target_os = "linux")]
fn gpio(line: Line) -> Result<Box<dyn Dispenser>, String> {
    Ok(Box::new(gpio::Flap::new(line)?))
}

#[cfg(not(target_os = "linux"))]
fn gpio(_: Line) -> Result<Box<dyn Dispenser>, String> {
    Err("only Linux has gpio:".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use saoma_kiosk::{basket, menu::MENU};

    pub(super) fn goods(job: &str) -> Goods {
        let lines = [(1, 2), (4, 1), (99, 1)].map(|(no, count)| basket::Line { no, count });
        let basket = Basket::of(lines).unwrap();
        Goods::new(JobId::new(job).unwrap(), "7Q2M9XBK-12", &basket, &MENU)
    }

    #[test]
    fn goods_are_told_by_shelf_and_by_name() {
        let goods = goods("ship-1");
        assert_eq!(goods.shelves, "1*2,4*1,99*1");
        assert_eq!(goods.names, "latte*2,egg-tart*1,99*1");
    }

    #[test]
    fn dispensers_are_known_by_their_names() {
        assert_eq!(Kind::parse("simulated"), Ok(Kind::Simulated));
        assert_eq!(Kind::parse("command:/bin/true"), Ok(Kind::Command("/bin/true".into())));
        let line = |pulse, active_low| {
            let pulse = Duration::from_millis(pulse);
            Ok(Kind::Gpio(Line { chip: "/dev/gpiochip0".into(), offset: 17, pulse, active_low }))
        };
        assert_eq!(Kind::parse("gpio:/dev/gpiochip0:17"), line(500, false));
        assert_eq!(Kind::parse("gpio:/dev/gpiochip0:17:250:low"), line(250, true));
        let port = |baud| Ok(Kind::Serial { port: "/dev/ttyUSB0".into(), baud });
        assert_eq!(Kind::parse("serial:/dev/ttyUSB0"), port(9600));
        assert_eq!(Kind::parse("serial:/dev/ttyUSB0:115200"), port(115_200));
        for bad in [
            "",
            "command",
            "command:",
            "gpio:/dev/gpiochip0",
            "gpio:/dev/gpiochip0:x",
            "gpio:/dev/gpiochip0:1:0",
            "serial:",
            "serial:/dev/ttyUSB0:1",
            "robot",
        ] {
            assert!(Kind::parse(bad).is_err(), "{bad}");
        }
    }
}
