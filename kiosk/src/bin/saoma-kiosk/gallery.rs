//! The display of `png:DIR`: a frame in memory, and a numbered picture for each screen.

use embedded_graphics::{
    Pixel,
    draw_target::DrawTarget,
    geometry::{OriginDimensions, Size},
    pixelcolor::{Rgb888, RgbColor},
};
use std::{
    convert::Infallible,
    fs,
    io::BufWriter,
    path::{Path, PathBuf},
};

/// The pixels of a screen: three bytes each, in reading order.
pub(crate) struct Frame {
    size: Size,
    rgb: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(size: Size) -> Self {
        let pixels = usize::try_from(u64::from(size.width) * u64::from(size.height)).unwrap_or(0);
        Self { size, rgb: vec![0; pixels * 3] }
    }

    fn encode(&self, path: &Path) -> Result<(), png::EncodingError> {
        let file = BufWriter::new(fs::File::create(path)?);
        let mut encoder = png::Encoder::new(file, self.size.width, self.size.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.rgb)?;
        writer.finish()
    }
}

impl OriginDimensions for Frame {
    fn size(&self) -> Size {
        self.size
    }
}

impl DrawTarget for Frame {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        let (width, height) = (i64::from(self.size.width), i64::from(self.size.height));
        for Pixel(at, colour) in pixels {
            let (x, y) = (i64::from(at.x), i64::from(at.y));
            if !(0..width).contains(&x) || !(0..height).contains(&y) {
                continue;
            }
            let place = usize::try_from((y * width + x) * 3).ok();
            if let Some(rgb) = place.and_then(|at| self.rgb.get_mut(at..at + 3)) {
                rgb.copy_from_slice(&[colour.r(), colour.g(), colour.b()]);
            }
        }
        Ok(())
    }
}

/// A folder of numbered pictures.
pub(crate) struct Gallery {
    folder: PathBuf,
    number: u32,
    newest: PathBuf,
}

impl Gallery {
    /// Opens a folder, and makes it when it is not there. Pictures that are there stay.
    pub(crate) fn open(folder: &Path) -> Result<Self, String> {
        let problem = |error| format!("cannot use the folder {}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(problem)?;
        let mut number = 0;
        for entry in fs::read_dir(folder).map_err(problem)? {
            let name = entry.map_err(problem)?.file_name();
            let taken = name.to_str().and_then(|name| name.split_once('-'));
            number = number.max(taken.and_then(|(digits, _)| digits.parse().ok()).unwrap_or(0));
        }
        Ok(Self { folder: folder.to_owned(), number, newest: PathBuf::new() })
    }

    /// Writes the picture of a new screen, under a new number.
    pub(crate) fn hang(&mut self, frame: &Frame, name: &str) -> Result<&Path, String> {
        self.number = self.number.saturating_add(1);
        self.newest = self.folder.join(format!("{:03}-{name}.png", self.number));
        self.replace(frame)?;
        Ok(&self.newest)
    }

    /// Writes the newest picture anew, in one step: who reads it gets the old or the new one.
    pub(crate) fn replace(&self, frame: &Frame) -> Result<(), String> {
        let draft = self.newest.with_extension("png.part");
        let problem = |error: String| format!("cannot write {}: {error}", self.newest.display());
        frame.encode(&draft).map_err(|error| problem(error.to_string()))?;
        fs::rename(&draft, &self.newest).map_err(|error| problem(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_graphics::geometry::Point;
    use std::{fs::File, io::BufReader};

    #[test]
    fn a_picture_holds_the_frame_pixel_for_pixel() {
        let mut frame = Frame::new(Size::new(3, 2));
        let (red, outside) = (Rgb888::new(200, 10, 20), Point::new(3, 0));
        let pixels = [Pixel(Point::new(1, 1), red), Pixel(outside, red), Pixel(-outside, red)];
        let Ok(()) = frame.draw_iter(pixels);
        let folder = tempfile::tempdir().unwrap();
        let path = Gallery::open(&folder.path().join("made/here"))
            .unwrap()
            .hang(&frame, "qr")
            .unwrap()
            .to_owned();
        assert!(path.ends_with("001-qr.png"));
        let decoder = png::Decoder::new(BufReader::new(File::open(path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut rgb).unwrap();
        assert_eq!(rgb, frame.rgb);
        assert_eq!(rgb[12..15], [200, 10, 20]);
    }

    #[test]
    fn numbers_go_on_after_what_is_there_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("041-paid.png"), "old").unwrap();
        fs::write(folder.join("notes.txt"), "mine").unwrap();
        let mut gallery = Gallery::open(folder).unwrap();
        let frame = Frame::new(Size::new(1, 1));
        assert!(gallery.hang(&frame, "qr").unwrap().ends_with("042-qr.png"));
        gallery.replace(&frame).unwrap();
        assert!(gallery.hang(&frame, "paid").unwrap().ends_with("043-paid.png"));
        assert_eq!(fs::read_to_string(folder.join("041-paid.png")).unwrap(), "old");
        assert_eq!(fs::read_dir(folder).unwrap().count(), 4);
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let file = tempfile::NamedTempFile::with_suffix("-file").unwrap();
        let problem = Gallery::open(file.path()).err().unwrap();
        assert!(problem.contains("-file"), "{problem}");
    }
}
