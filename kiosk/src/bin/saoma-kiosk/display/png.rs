//! The display of `png:DIR`: a numbered picture for each screen.

use super::{Display, Picture, frame::Frame};
use embedded_graphics::geometry::{OriginDimensions as _, Size};
use std::{
    fs,
    io::BufWriter,
    path::{Path, PathBuf},
};

/// A folder of numbered pictures.
pub(crate) struct Gallery {
    size: Size,
    folder: PathBuf,
    number: u32,
    newest: PathBuf,
}

impl Gallery {
    /// Opens a folder, and makes it when it is not there. Pictures that are there stay.
    pub(crate) fn open(folder: &Path, size: Size) -> Result<Self, String> {
        let problem = |error| format!("cannot use the folder {}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(problem)?;
        let mut number = 0;
        for entry in fs::read_dir(folder).map_err(problem)? {
            let name = entry.map_err(problem)?.file_name();
            let taken = name.to_str().and_then(|name| name.split_once('-'));
            number = number.max(taken.and_then(|(digits, _)| digits.parse().ok()).unwrap_or(0));
        }
        Ok(Self { size, folder: folder.to_owned(), number, newest: PathBuf::new() })
    }

    /// Writes the newest picture anew, in one step: who reads it gets the old or the new one.
    fn replace(&self, frame: &Frame) -> Result<(), String> {
        let draft = self.newest.with_extension("png.part");
        let problem = |error: String| format!("cannot write {}: {error}", self.newest.display());
        encode(frame, &draft).map_err(|error| problem(error.to_string()))?;
        fs::rename(&draft, &self.newest).map_err(|error| problem(error.to_string()))
    }
}

impl Display for Gallery {
    fn size(&self) -> Size {
        self.size
    }

    fn show(&mut self, picture: &Picture<'_>) -> Result<(), String> {
        if picture.is_new || self.newest.as_os_str().is_empty() {
            self.number = self.number.saturating_add(1);
            self.newest = self.folder.join(format!("{:03}-{}.png", self.number, picture.name));
        }
        self.replace(picture.frame)
    }

    fn file(&self) -> Option<&Path> {
        Some(&self.newest)
    }
}

fn encode(frame: &Frame, path: &Path) -> Result<(), png::EncodingError> {
    let file = BufWriter::new(fs::File::create(path)?);
    let Size { width, height } = frame.size();
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(frame.rgb())?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_graphics::{
        Pixel, draw_target::DrawTarget as _, geometry::Point, pixelcolor::Rgb888,
    };
    use std::{fs::File, io::BufReader};

    fn shown(gallery: &mut Gallery, frame: &Frame, name: &'static str, is_new: bool) -> PathBuf {
        gallery.show(&Picture { frame, lines: 0..1, name, is_new }).unwrap();
        gallery.file().unwrap().to_owned()
    }

    #[test]
    fn a_picture_holds_the_frame_pixel_for_pixel() {
        let mut frame = Frame::new(Size::new(3, 2));
        let Ok(()) = frame.draw_iter([Pixel(Point::new(1, 1), Rgb888::new(200, 10, 20))]);
        let folder = tempfile::tempdir().unwrap();
        let mut gallery = Gallery::open(&folder.path().join("made/here"), frame.size()).unwrap();
        let path = shown(&mut gallery, &frame, "qr", true);
        assert!(path.ends_with("001-qr.png"));
        let decoder = png::Decoder::new(BufReader::new(File::open(path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut rgb).unwrap();
        assert_eq!(rgb, frame.rgb());
        assert_eq!(rgb[12..15], [200, 10, 20]);
    }

    #[test]
    fn numbers_go_on_after_what_is_there_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("041-paid.png"), "old").unwrap();
        fs::write(folder.join("notes.txt"), "mine").unwrap();
        let frame = Frame::new(Size::new(1, 1));
        let mut gallery = Gallery::open(folder, frame.size()).unwrap();
        assert!(shown(&mut gallery, &frame, "qr", true).ends_with("042-qr.png"));
        assert!(shown(&mut gallery, &frame, "qr", false).ends_with("042-qr.png"));
        assert!(shown(&mut gallery, &frame, "paid", true).ends_with("043-paid.png"));
        assert_eq!(fs::read_to_string(folder.join("041-paid.png")).unwrap(), "old");
        assert_eq!(fs::read_dir(folder).unwrap().count(), 4);
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let file = tempfile::NamedTempFile::with_suffix("-file").unwrap();
        let problem = Gallery::open(file.path(), Size::new(1, 1)).err().unwrap();
        assert!(problem.contains("-file"), "{problem}");
    }
}
