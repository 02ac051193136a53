//! What a customer's phone would read from a screen.

use std::fmt;
use std::io::BufReader;
use std::path::Path;

use png::{ColorType, Decoder, Transformations};
use rqrr::PreparedImage;

/// Why a picture could not be read.
#[derive(Debug)]
pub enum ScreenshotError {
    /// No such file, or no PNG.
    Picture(String),
    /// A code was found but not understood.
    Code(rqrr::DeQRError),
}

impl std::error::Error for ScreenshotError {}

impl fmt::Display for ScreenshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picture(error) => write!(f, "no readable PNG: {error}"),
            Self::Code(error) => write!(f, "a QR code that cannot be read: {error}"),
        }
    }
}

/// The texts of all QR codes in a PNG of a screen.
///
/// # Errors
///
/// When the file is no PNG, or a code in it is damaged.
pub fn qr_texts(path: &Path) -> Result<Vec<String>, ScreenshotError> {
    let picture = Picture::read(path).map_err(ScreenshotError::Picture)?;
    let mut prepared = PreparedImage::prepare_from_greyscale(picture.width, picture.height, {
        |x, y| picture.grey.get(y * picture.width + x).copied().unwrap_or(u8::MAX)
    });
    let codes = prepared.detect_grids();
    let read = codes.into_iter().map(|code| code.decode().map(|(_, text)| text));
    read.collect::<Result<_, _>>().map_err(ScreenshotError::Code)
}

/// A picture in shades of grey, row by row.
struct Picture {
    width: usize,
    height: usize,
    grey: Vec<u8>,
}

impl Picture {
    fn read(path: &Path) -> Result<Self, String> {
        let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
        let mut decoder = Decoder::new(BufReader::new(file));
        decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
        let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
        let size = reader.output_buffer_size().ok_or("too large")?;
        let mut bytes = vec![0; size];
        let frame = reader.next_frame(&mut bytes).map_err(|error| error.to_string())?;
        let samples = frame.color_type.samples();
        let is_colour = matches!(frame.color_type, ColorType::Rgb | ColorType::Rgba);
        let grey = bytes.chunks_exact(samples).map(|pixel| match pixel {
            [red, green, blue, ..] if is_colour => luminance(*red, *green, *blue),
            [grey, ..] => *grey,
            [] => u8::MAX,
        });
        let side = |pixels: u32| usize::try_from(pixels).map_err(|error| error.to_string());
        Ok(Self { width: side(frame.width)?, height: side(frame.height)?, grey: grey.collect() })
    }
}

/// Brightness as the eye has it, in parts of 256 (ITU-R BT.601).
fn luminance(red: u8, green: u8, blue: u8) -> u8 {
    let sum = u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29;
    u8::try_from(sum / 256).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_is_bright_black_is_dark_and_green_is_brighter_than_blue() {
        assert_eq!(luminance(255, 255, 255), 255);
        assert_eq!(luminance(0, 0, 0), 0);
        assert!(luminance(0, 255, 0) > luminance(0, 0, 255));
    }

    /// A screen with a code of 4 pixels a module in a corner of it.
    fn screen_with(text: &str) -> Vec<u8> {
        const SIDE: usize = 300;
        let code = qrcode::QrCode::new(text).unwrap();
        let (modules, colors) = (code.width(), code.to_colors());
        let mut grey = vec![u8::MAX; SIDE * SIDE];
        for (at, pixel) in grey.iter_mut().enumerate() {
            let (x, y) = ((at % SIDE) / 4, (at / SIDE) / 4);
            let is_inside = (8..8 + modules).contains(&x) && (8..8 + modules).contains(&y);
            if is_inside && colors[(y - 8) * modules + x - 8] == qrcode::Color::Dark {
                *pixel = 0x20;
            }
        }
        let mut png = Vec::new();
        let mut encoder = png::Encoder::new(&mut png, 300, 300);
        encoder.set_color(ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&grey).unwrap();
        png
    }

    #[test]
    fn a_code_on_a_screen_is_read() {
        let text = "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), screen_with(text)).unwrap();
        assert_eq!(qr_texts(file.path()).unwrap(), [text]);
    }

    #[test]
    fn a_file_that_is_no_picture_is_refused() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(matches!(qr_texts(&manifest), Err(ScreenshotError::Picture(_))));
    }
}
