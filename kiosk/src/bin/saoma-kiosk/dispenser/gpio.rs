//! The dispenser `gpio:CHIP:LINE`: a line that is active for a while and so opens a flap or turns
//! a spiral. It cannot feel whether anything came out.

use super::{Dispensed, Dispenser, Goods, Line, Told, told};
use gpiocdev::{Request, line::Value};
use std::thread;

pub(super) struct Flap {
    line: Line,
    request: Request,
}

impl Flap {
    /// Takes the line and holds it at rest.
    pub(super) fn new(line: Line) -> Result<Self, String> {
        let mut wish = Request::builder();
        wish.on_chip(&line.chip).with_consumer("saoma-kiosk").with_line(line.offset);
        if line.active_low {
            wish.as_active_low();
        }
        let request = wish.as_output(Value::Inactive).request().map_err(|error| {
            format!("cannot use line {} of {}: {error}", line.offset, line.chip.display())
        })?;
        Ok(Self { line, request })
    }
}

impl Dispenser for Flap {
    fn dispense(&mut self, _: &Goods) -> Told {
        if let Err(error) = self.request.set_value(self.line.offset, Value::Active) {
            return told(Dispensed::Failed, error.to_string());
        }
        thread::sleep(self.line.pulse);
        match self.request.set_value(self.line.offset, Value::Inactive) {
            Ok(_) => told(Dispensed::Done, format!("{} ms", self.line.pulse.as_millis())),
            Err(error) => told(Dispensed::Unknown, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_no_chip_is_named_at_the_start() {
        let line = Line {
            chip: "/no/gpiochip9".into(),
            offset: 17,
            pulse: Duration::from_millis(1),
            active_low: true,
        };
        let problem = Flap::new(line).err().unwrap();
        assert!(problem.contains("line 17 of /no/gpiochip9"), "{problem}");
    }
}
