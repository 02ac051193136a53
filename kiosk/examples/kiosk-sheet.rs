//! Writes every page in every size and language as a PNG, to be looked at:
//! `cargo run -p saoma-kiosk --example kiosk-sheet [DIR]`, by default into `target/kiosk-sheet`.
#![expect(clippy::unwrap_used, reason = "made-up orders, known to be good")]

#[path = "../tests/kiosk/stage.rs"]
mod stage;

use embedded_graphics::{
    Pixel,
    draw_target::DrawTarget,
    geometry::{OriginDimensions, Size},
    pixelcolor::{BinaryColor, Rgb888, RgbColor},
};
use saoma_kiosk::{
    app::{Damage, Page},
    texts::Language,
    theme::Theme,
};
use stage::{LONGEST, PAGES, SIZES, USUAL, app_on, basket_page, menu_page};
use std::{convert::Infallible, env, error::Error, fs, io::BufWriter, path::Path};

/// A display in memory.
struct Canvas {
    size: Size,
    rgb: Vec<u8>,
}

impl Canvas {
    fn new((width, height): (u32, u32)) -> Self {
        let size = Size::new(width, height);
        Self { size, rgb: vec![0; (width * height * 3) as usize] }
    }

    fn put(&mut self, x: i32, y: i32, colour: Rgb888) {
        if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) {
            let at = (y * self.size.width as usize + x) * 3;
            self.rgb[at..at + 3].copy_from_slice(&[colour.r(), colour.g(), colour.b()]);
        }
    }

    /// Lays another canvas on this one.
    fn lay(&mut self, other: &Self, left: u32, top: u32) {
        let row = other.size.width as usize * 3;
        for y in 0..other.size.height {
            let from = y as usize * row;
            let to = ((top + y) as usize * self.size.width as usize + left as usize) * 3;
            self.rgb[to..to + row].copy_from_slice(&other.rgb[from..from + row]);
        }
    }

    fn save(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let file = BufWriter::new(fs::File::create(path)?);
        let mut encoder = png::Encoder::new(file, self.size.width, self.size.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&self.rgb)?;
        Ok(())
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        self.size
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            self.put(at.x, at.y, colour);
        }
        Ok(())
    }
}

/// A canvas that knows on and off only.
struct Mono(Canvas);

impl OriginDimensions for Mono {
    fn size(&self) -> Size {
        self.0.size
    }
}

impl DrawTarget for Mono {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        self.0.draw_iter(pixels.into_iter().map(|Pixel(at, colour)| Pixel(at, colour.into())))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).unwrap_or_else(|| "target/kiosk-sheet".to_owned());
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    for size in SIZES {
        for language in Language::ALL {
            for (kind, sample) in [("", &USUAL), ("-longest", &LONGEST)] {
                let mut pictures = Vec::new();
                let more = [menu_page(size), basket_page(size), Page::Code { left_s: 42 }];
                for page in PAGES.into_iter().chain(more) {
                    pictures.push((page.clone(), draw(page, size, language, sample)));
                }
                let stem = format!("{}x{}-{}", size.0, size.1, language.code());
                overview(&pictures, size).save(&folder.join(format!("all-{stem}{kind}.png")))?;
                for (page, picture) in &pictures {
                    if kind.is_empty() && *page != (Page::Code { left_s: 42 }) {
                        picture.save(&folder.join(format!("{stem}-{}.png", page.name())))?;
                    }
                }
            }
        }
    }
    println!("{}", folder.display());
    Ok(())
}

fn draw(page: Page, size: (u32, u32), language: Language, sample: &stage::Sample) -> Canvas {
    let app = app_on(page, size, language, sample);
    let canvas = Canvas::new(size);
    if size.1 < 120 {
        let mut mono = Mono(canvas);
        let Ok(()) = app.draw(&mut mono, &Theme::MONO, Damage::All);
        return mono.0;
    }
    let mut canvas = canvas;
    let Ok(()) = app.draw(&mut canvas, &Theme::COLOUR, Damage::All);
    canvas
}

/// All pages of a size side by side; small ones enlarged.
fn overview(pictures: &[(Page, Canvas)], (width, height): (u32, u32)) -> Canvas {
    let columns = if width > height { 3 } else { 4 };
    let rows = u32::try_from(pictures.len()).unwrap_or(0).div_ceil(columns);
    let zoom = if height < 120 { 3 } else { 1 };
    let (step_x, step_y) = (width * zoom + 8, height * zoom + 8);
    let mut sheet = Canvas::new((step_x * columns + 8, step_y * rows + 8));
    sheet.rgb.fill(0x80);
    for (at, (_, picture)) in (0..).zip(pictures) {
        let enlarged = enlarge(picture, zoom);
        sheet.lay(&enlarged, 8 + at % columns * step_x, 8 + at / columns * step_y);
    }
    sheet
}

fn enlarge(picture: &Canvas, zoom: u32) -> Canvas {
    let Size { width, height } = picture.size;
    let mut large = Canvas::new((width * zoom, height * zoom));
    for y in 0..height * zoom {
        for x in 0..width * zoom {
            let from = (((y / zoom) * width + x / zoom) * 3) as usize;
            let to = ((y * width * zoom + x) * 3) as usize;
            large.rgb[to..to + 3].copy_from_slice(&picture.rgb[from..from + 3]);
        }
    }
    large
}
