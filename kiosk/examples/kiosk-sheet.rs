//! Writes every screen in every size and language as a PNG, to be looked at, and all of them side
//! by side: `cargo xtask kiosk sheet [DIR]`, by default into `target/kiosk-sheet`.
#![expect(clippy::unwrap_used, reason = "made-up orders, known to be good")]

#[path = "../tests/kiosk/stage.rs"]
#[expect(dead_code, reason = "tests look at more of it")]
mod stage;

use embedded_graphics::{
    Pixel,
    draw_target::DrawTarget,
    geometry::{OriginDimensions, Size},
    pixelcolor::{BinaryColor, Rgb888, RgbColor},
};
use saoma_kiosk::{texts::Language, theme::Theme};
use stage::{LONGEST, SIZES, Stage, USUAL, screens};
use std::{convert::Infallible, env, error::Error, fs, io::BufWriter, path::Path};

/// A display in memory.
struct Canvas {
    size: Size,
    rgb: Vec<u8>,
}

impl Canvas {
    fn new((width, height): (u32, u32)) -> Self {
        let size = Size::new(width, height);
        Self { size, rgb: vec![0x80; (width * height * 3) as usize] }
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

    /// The same, smaller or larger: each pixel the mean of those that it covers.
    fn scaled(&self, (width, height): (u32, u32)) -> Self {
        let mut scaled = Self::new((width, height));
        let Size { width: from_width, height: from_height } = self.size;
        let range = |at: u32, to: u32, from: u32| {
            let start = at * from / to;
            start..((at + 1) * from / to).max(start + 1)
        };
        for y in 0..height {
            for x in 0..width {
                let (rows, columns) = (range(y, height, from_height), range(x, width, from_width));
                let places = rows.flat_map(|y| columns.clone().map(move |x| y * from_width + x));
                let (mut sum, mut count) = ([0_u32; 3], 0);
                for place in places {
                    let at = place as usize * 3;
                    let rgb = &self.rgb[at..at + 3];
                    sum.iter_mut().zip(rgb).for_each(|(sum, byte)| *sum += u32::from(*byte));
                    count += 1;
                }
                let [r, g, b] = sum.map(|sum| u8::try_from(sum / count).unwrap_or(u8::MAX));
                scaled.put(x.cast_signed(), y.cast_signed(), Rgb888::new(r, g, b));
            }
        }
        scaled
    }

    fn save(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let file = BufWriter::new(fs::File::create(path)?);
        let mut encoder = png::Encoder::new(file, self.size.width, self.size.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
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
    let mut rows = Vec::new();
    for size in SIZES {
        for language in Language::ALL {
            let mut row = Vec::new();
            for (kind, sample) in [("", &USUAL), ("-longest", &LONGEST)] {
                for (name, stage) in screens(size, language, sample) {
                    let canvas = draw(&stage, size);
                    let (width, height) = size;
                    let code = language.code();
                    let file = format!("{width}x{height}-{code}-{name}{kind}.png");
                    canvas.save(&folder.join(file))?;
                    if kind.is_empty() {
                        row.push(canvas);
                    }
                }
            }
            rows.push(row);
        }
    }
    overview(&rows).save(&folder.join("overview.png"))?;
    poster().save(&folder.join("poster.png"))?;
    println!("{}", folder.display());
    Ok(())
}

fn draw(stage: &Stage, size: (u32, u32)) -> Canvas {
    let theme = stage::theme(size);
    if theme == Theme::MONO {
        let mut mono = Mono(Canvas::new(size));
        let Ok(()) = stage.draw(&mut mono, &theme);
        return mono.0;
    }
    let mut canvas = Canvas::new(size);
    let Ok(()) = stage.draw(&mut canvas, &theme);
    canvas
}

/// All screens side by side, equally high; each size and language begins a new line.
fn overview(rows: &[Vec<Canvas>]) -> Canvas {
    const HIGH: u32 = 128;
    const WIDE: u32 = 3_000;
    const AIR: u32 = 8;
    let mut placed = Vec::new();
    let mut top = AIR;
    for row in rows {
        let mut left = AIR;
        for canvas in row {
            let wide = canvas.size.width * HIGH / canvas.size.height;
            if left + wide + AIR > WIDE {
                (left, top) = (AIR, top + HIGH + AIR);
            }
            placed.push((canvas, wide, left, top));
            left += wide + AIR;
        }
        top += HIGH + AIR;
    }
    let mut sheet = Canvas::new((WIDE, top));
    for (canvas, wide, left, top) in placed {
        sheet.lay(&canvas.scaled((wide, HIGH)), left, top);
    }
    sheet
}

/// A few screens as the README shows them: `docs/kiosk.png`.
fn poster() -> Canvas {
    const AIR: u32 = 16;
    let on = |size, language, name: &str| {
        let all = screens(size, language, &USUAL);
        let found = all.into_iter().find(|(of, _)| of == name);
        let (_, stage) = found.expect("a screen of the sheet");
        draw(&stage, size)
    };
    let (large, portrait, tiny) = ((480, 320), (320, 480), (128, 64));
    let mut sheet = Canvas::new((480 * 2 + 320 + AIR * 4, 320 * 2 + 192 + AIR * 4));
    sheet.rgb.fill(0xd8);
    let left = [AIR, AIR * 2 + 480, AIR * 3 + 960];
    let top = [AIR, AIR * 2 + 320, AIR * 3 + 640];
    sheet.lay(&on(large, Language::En, "attract"), left[0], top[0]);
    sheet.lay(&on(large, Language::Zh, "menu"), left[1], top[0]);
    sheet.lay(&on(large, Language::En, "qr"), left[0], top[1]);
    sheet.lay(&on(large, Language::Zh, "take"), left[1], top[1]);
    sheet.lay(&on(portrait, Language::En, "menu"), left[2], top[0]);
    sheet.lay(&on((320, 240), Language::Zh, "basket"), left[2], top[0] + 480 + AIR);
    let tiny_at = [left[0], left[0] + 384 + AIR];
    for (name, left) in ["menu", "qr"].into_iter().zip(tiny_at) {
        let small = on(tiny, Language::Zh, name);
        sheet.lay(&small.scaled((384, 192)), left, top[2]);
    }
    sheet
}
