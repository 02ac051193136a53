//! The display `window`: a window on the desk, by the simulator of embedded-graphics and SDL2.
//! The mouse is the finger.

use super::{Act, Display, Picture};
use crate::typing::Stroke;
use embedded_graphics::{
    draw_target::DrawTarget as _,
    geometry::{OriginDimensions as _, Size},
    pixelcolor::Rgb888,
    prelude::Dimensions as _,
};
use embedded_graphics_simulator::{
    OutputSettingsBuilder, SimulatorDisplay, SimulatorEvent, Window,
    sdl2::{Keycode, Mod, MouseButton},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

/// A finger that waits longer than this notices it.
const PATIENCE: Duration = Duration::from_millis(15);
/// So often the window is drawn again, whatever lay over it meanwhile.
const REFRESH_AFTER: u32 = 60;

/// The window.
pub(crate) struct Glass {
    window: Window,
    pixels: SimulatorDisplay<Rgb888>,
    looks: u32,
}

impl Glass {
    pub(crate) fn open(size: Size, scale: u32) -> Result<Self, String> {
        let settings = OutputSettingsBuilder::new().scale(scale).build();
        let mut window = Window::new("Saoma kiosk", &settings);
        let pixels = SimulatorDisplay::new(size);
        // The simulator panics where there is no desk to open a window on.
        let opened = catch_unwind(AssertUnwindSafe(|| window.update(&pixels)));
        opened.map_err(|_| {
            "cannot open a window: is there a desk (DISPLAY or WAYLAND_DISPLAY)? On a console \
             use fb:, drm: or terminal"
        })?;
        Ok(Self { window, pixels, looks: 0 })
    }
}

impl Display for Glass {
    fn size(&self) -> Size {
        self.pixels.size()
    }

    fn show(&mut self, picture: &Picture<'_>) -> Result<(), String> {
        let rgb = picture.frame.rgb().chunks_exact(3).map(|rgb| match *rgb {
            [r, g, b] => Rgb888::new(r, g, b),
            _ => Rgb888::default(),
        });
        let area = self.pixels.bounding_box();
        let Ok(()) = self.pixels.fill_contiguous(&area, rgb);
        self.window.update(&self.pixels);
        Ok(())
    }

    fn acts(&mut self) -> Vec<Act> {
        let acts = self.window.events().filter_map(act).collect();
        self.looks += 1;
        if self.looks.is_multiple_of(REFRESH_AFTER) {
            self.window.update(&self.pixels);
        }
        acts
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }
}

fn act(event: SimulatorEvent) -> Option<Act> {
    match event {
        SimulatorEvent::Quit => Some(Act::Close),
        SimulatorEvent::MouseButtonDown { mouse_btn: MouseButton::Left, point } => {
            Some(Act::Touch(point))
        }
        SimulatorEvent::KeyDown { keycode, keymod, repeat: false } => {
            stroke(keycode, keymod).map(Act::Stroke)
        }
        SimulatorEvent::KeyDown { .. }
        | SimulatorEvent::KeyUp { .. }
        | SimulatorEvent::MouseButtonUp { .. }
        | SimulatorEvent::MouseButtonDown { .. }
        | SimulatorEvent::MouseWheel { .. }
        | SimulatorEvent::MouseMove { .. } => None,
    }
}

fn stroke(keycode: Keycode, keymod: Mod) -> Option<Stroke> {
    match keycode {
        Keycode::Up => Some(Stroke::Up),
        Keycode::Down => Some(Stroke::Down),
        Keycode::Left => Some(Stroke::Left),
        Keycode::Right => Some(Stroke::Right),
        Keycode::Return | Keycode::KpEnter => Some(Stroke::Enter),
        Keycode::Backspace => Some(Stroke::Back),
        Keycode::KpPlus => Some(Stroke::Char('+')),
        Keycode::KpMinus => Some(Stroke::Char('-')),
        // On the key that types a plus sign with shift.
        Keycode::Equals if keymod.intersects(Mod::LSHIFTMOD | Mod::RSHIFTMOD) => {
            Some(Stroke::Char('+'))
        }
        other => {
            let name = other.name().to_lowercase();
            let mut characters = name.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) => Some(Stroke::Char(character)),
                _ => None,
            }
        }
    }
}
