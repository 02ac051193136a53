//! Makes the terminal's bitmap fonts from an outline font, with the characters of its texts.
//!
//! `font/README.md` says how to run it and whose the letters are.
#![expect(clippy::disallowed_types, reason = "outlines are measured in floats; no money here")]
#![expect(clippy::cast_possible_truncation, reason = "glyphs are smaller than 256 pixels")]
#![expect(clippy::cast_sign_loss, reason = "widths, heights and ink are not negative")]

use ab_glyph::{Font as _, FontRef, Glyph, PxScale, point};
use saoma_kiosk::{menu, texts::Language};
use std::{collections::BTreeSet, env, error::Error, fs, path::Path};

/// Where Debian's `fonts-noto-cjk` puts the fonts.
const FOLDER: &str = "/usr/share/fonts/opentype/noto";
/// For reading.
const REGULAR: &str = "NotoSansCJK-Regular.ttc";
/// For titles and amounts.
const BOLD: &str = "NotoSansCJK-Bold.ttc";
/// Simplified Chinese within the collection.
const FONT_INDEX: u32 = 2;
/// Besides letters and digits: what the code adds to texts, and Chinese punctuation.
const SIGNS: &str = "¥·，。！？：、（）";

/// A character's pixels, 0 to 3 each, and where they stand.
struct Bitmap {
    character: char,
    advance: u8,
    left: i8,
    /// From the baseline, upwards negative.
    top: i32,
    width: u8,
    height: u8,
    ink: Vec<u8>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let source = env::args().nth(1).unwrap_or_else(|| FOLDER.to_owned());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("font");
    for (name, sizes, characters) in
        [(REGULAR, [12, 16, 24, 32].as_slice(), all_characters()), (BOLD, &[40, 56], large())]
    {
        let file = Path::new(&source).join(name);
        let bytes = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let font = FontRef::try_from_slice_and_index(&bytes, FONT_INDEX)?;
        for size in sizes {
            let glyphs = characters
                .iter()
                .map(|character| draw(&font, *character, *size))
                .collect::<Result<Vec<_>, _>>()?;
            let path = folder.join(format!("saoma-{size}.font"));
            let content = pack(&glyphs)?;
            fs::write(&path, &content)?;
            println!("{}: {} characters, {} bytes", path.display(), glyphs.len(), content.len());
        }
    }
    Ok(())
}

/// Letters, digits, signs: what amounts, countdowns and order numbers are made of.
fn basic() -> BTreeSet<char> {
    (' '..='~').chain(SIGNS.chars()).collect()
}

/// Whatever may stand on a screen.
fn all_characters() -> BTreeSet<char> {
    let mut characters = basic();
    for language in Language::ALL {
        let words = language.words();
        let messages = words.messages();
        let texts = messages.iter().flat_map(|message| [message.title, message.note]);
        characters.extend(texts.chain(words.labels()).flat_map(str::chars));
    }
    characters.extend(menu::SAMPLE_MERCHANT.chars());
    characters.extend(menu::MENU.iter().flat_map(|item| [item.zh, item.en]).flat_map(str::chars));
    characters
}

/// Titles and amounts.
fn large() -> BTreeSet<char> {
    let mut characters = basic();
    for language in Language::ALL {
        characters.extend(language.words().messages().iter().flat_map(|m| m.title.chars()));
    }
    characters
}

/// Draws a character where its strokes meet the pixels best: an ideograph may move a quarter of a
/// pixel either way, so that more pixels are full or empty and fewer in between.
fn draw(font: &FontRef<'_>, character: char, size: u8) -> Result<Bitmap, String> {
    let id = font.glyph_id(character);
    if id.0 == 0 {
        return Err(format!("the outline font lacks {character:?}"));
    }
    let em = font.units_per_em().ok_or("the outline font has no em")?;
    let scale = PxScale::from(f32::from(size) * font.height_unscaled() / em);
    let advance = (font.h_advance_unscaled(id) * f32::from(size) / em).round();
    let steps: &[f32] =
        if character > '\u{2e80}' { &[0.0, -0.125, 0.125, -0.25, 0.25] } else { &[0.0] };
    let mut best: Option<(f32, Bitmap)> = None;
    for dx in steps {
        for dy in steps {
            let glyph: Glyph = id.with_scale_and_position(scale, point(*dx, *dy));
            let (sharpness, bitmap) = rasterize(font, glyph, character, advance as u8);
            if best.as_ref().is_none_or(|(most, _)| sharpness > *most) {
                best = Some((sharpness, bitmap));
            }
        }
    }
    best.map(|(_, bitmap)| bitmap).ok_or_else(|| format!("{character:?} was not drawn"))
}

fn rasterize(font: &FontRef<'_>, glyph: Glyph, character: char, advance: u8) -> (f32, Bitmap) {
    let empty = Bitmap { character, advance, left: 0, top: 0, width: 0, height: 0, ink: vec![] };
    let Some(outline) = font.outline_glyph(glyph) else { return (0.0, empty) };
    let bounds = outline.px_bounds();
    let (width, height) = (bounds.width() as usize, bounds.height() as usize);
    let mut ink = vec![0_u8; width * height];
    let mut sharpness = 0.0;
    outline.draw(|x, y, cover| {
        let cover = cover.min(1.0);
        sharpness += cover * cover;
        // Thin strokes need a little more ink than their share, or small letters look grey.
        let level = (cover * 3.45).round().min(3.0) as u8;
        ink[y as usize * width + x as usize] = level;
    });
    let (left, top) = (bounds.min.x as i8, bounds.min.y as i32);
    (sharpness, Bitmap { left, top, width: width as u8, height: height as u8, ink, ..empty })
}

/// Writes the format that `src/font.rs` describes.
fn pack(glyphs: &[Bitmap]) -> Result<Vec<u8>, Box<dyn Error>> {
    let drawn = || glyphs.iter().filter(|glyph| glyph.height > 0);
    let top = drawn().map(|glyph| glyph.top).min().unwrap_or(0);
    let bottom = drawn().map(|glyph| glyph.top + i32::from(glyph.height)).max().unwrap_or(0);
    let mut content = b"SMF1".to_vec();
    content.push(u8::try_from(bottom - top)?);
    content.push(u8::try_from(-top)?);
    content.extend(u16::try_from(glyphs.len())?.to_be_bytes());
    let mut pixels: Vec<u8> = Vec::new();
    let pixels_start = content.len() + glyphs.len() * 12;
    for glyph in glyphs {
        let rows_down = if glyph.height == 0 { 0 } else { glyph.top - top };
        content.extend(&u32::from(glyph.character).to_be_bytes()[1..]);
        content.extend([glyph.advance, glyph.left.to_be_bytes()[0], u8::try_from(rows_down)?]);
        content.extend([glyph.width, glyph.height]);
        content.extend(u32::try_from(pixels_start + pixels.len())?.to_be_bytes());
        for four in glyph.ink.chunks(4) {
            let shifts = [6, 4, 2, 0];
            pixels.push(four.iter().zip(shifts).fold(0, |byte, (ink, shift)| byte | ink << shift));
        }
    }
    content.extend(pixels);
    Ok(content)
}
