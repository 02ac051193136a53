//! Makes the terminal's bitmap fonts from an outline font, with the characters of its texts.
//!
//! `font/README.md` says how to run it and whose the letters are.
#![expect(clippy::disallowed_types, reason = "outlines are measured in floats; no money here")]
#![expect(clippy::cast_possible_truncation, reason = "glyphs are smaller than 256 pixels")]
#![expect(clippy::cast_sign_loss, reason = "widths, heights and ink are not negative")]

use ab_glyph::{Font as _, FontRef, Glyph, PxScale, point};
use encoding_rs::GBK;
use std::{collections::BTreeSet, env, error::Error, fs, path::Path};

mod characters;

/// Where Debian's `fonts-noto-cjk` puts the fonts.
const FOLDER: &str = "/usr/share/fonts/opentype/noto";
/// For reading.
const REGULAR: &str = "NotoSansCJK-Regular.ttc";
/// For titles and amounts.
const BOLD: &str = "NotoSansCJK-Bold.ttc";
/// Simplified Chinese within the collection.
const FONT_INDEX: u32 = 2;
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

/// The name of a font's file, the outline font it is made of, pixels an em, and its characters.
type Recipe = (&'static str, &'static str, u8, fn() -> BTreeSet<char>);

const RECIPES: [Recipe; 7] = [
    ("saoma-12", REGULAR, 12, characters::all),
    ("saoma-16", REGULAR, 16, characters::all),
    ("saoma-24", REGULAR, 24, characters::all),
    ("saoma-32", REGULAR, 32, characters::all),
    ("saoma-bold-24", BOLD, 24, characters::large),
    ("saoma-bold-40", BOLD, 40, characters::large),
    ("saoma-bold-56", BOLD, 56, characters::large),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let checks = arguments.iter().any(|argument| argument == "--check");
    arguments.retain(|argument| argument != "--check");
    let source = arguments.first().map_or(FOLDER, String::as_str);
    let regular = Outline::load(source, REGULAR)?;
    let bold = Outline::load(source, BOLD)?;
    for (name, outline, size, characters) in RECIPES {
        let font = if outline == REGULAR { regular.font()? } else { bold.font()? };
        let characters = characters();
        let glyphs = characters.iter().map(|character| draw(&font, *character, size));
        let content = pack(&glyphs.collect::<Result<Vec<_>, _>>()?)?;
        finish(name, &content, characters.len(), checks)?;
    }
    let (characters, font) = (gb2312(), regular.font()?);
    finish("gb2312-16", &pack_squares(&font, &characters)?, characters.len(), checks)
}

/// An outline font in memory.
struct Outline(Vec<u8>);

impl Outline {
    fn load(folder: &str, name: &str) -> Result<Self, String> {
        let path = Path::new(folder).join(name);
        let bytes = fs::read(&path);
        bytes.map(Self).map_err(|error| {
            format!("{}: {error}; on Debian it is in fonts-noto-cjk", path.display())
        })
    }

    fn font(&self) -> Result<FontRef<'_>, Box<dyn Error>> {
        Ok(FontRef::try_from_slice_and_index(&self.0, FONT_INDEX)?)
    }
}

/// Writes a font's file, or compares it with what is there.
fn finish(name: &str, content: &[u8], count: usize, checks: bool) -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("font/{name}.font"));
    if !checks {
        fs::write(&path, content)?;
    } else if fs::read(&path)? != content {
        let again = "make the fonts again, see kiosk/font/README.md";
        return Err(format!("{} is not what its source gives: {again}", path.display()).into());
    }
    println!("font/{name}.font: {count} characters, {} bytes", content.len());
    Ok(())
}

/// What GB 2312 has: punctuation (row 1), the full-width letters (row 3), ideographs (16 to 87).
fn gb2312() -> BTreeSet<char> {
    let rows = [0xa1, 0xa3].into_iter().chain(0xb0..=0xf7_u8);
    let codes = rows.flat_map(|high| (0xa1..=0xfe_u8).map(move |low| [high, low]));
    // Row 55 has five fewer; their codes give nothing here, or what is not of this standard.
    let codes = codes.filter(|code| *code < [0xd7, 0xfa] || *code > [0xd7, 0xfe]);
    codes
        .filter_map(|code| {
            let (text, _, malformed) = GBK.decode(&code);
            (!malformed).then(|| text.chars().next()).flatten()
        })
        .filter(|character| *character > ' ' && *character != '\u{3000}')
        .collect()
}

/// The format of `src/gb2312.rs`: how high a square's top is above the baseline is that of the
/// outline font's own squares.
fn pack_squares(font: &FontRef<'_>, all: &BTreeSet<char>) -> Result<Vec<u8>, Box<dyn Error>> {
    const TOP: i32 = -14;
    let mut content = u16::try_from(all.len())?.to_be_bytes().to_vec();
    for character in all {
        content.extend(u16::try_from(u32::from(*character))?.to_be_bytes());
    }
    for character in all {
        let glyph = draw(font, *character, 16)?;
        let mut rows = [0_u16; 16];
        for (index, ink) in (0_i32..).zip(&glyph.ink) {
            let width = i32::from(glyph.width);
            let (x, y) = (i32::from(glyph.left) + index % width, glyph.top - TOP + index / width);
            if *ink >= 2 && (0..16).contains(&x) && (0..16).contains(&y) {
                rows[y as usize] |= 0x8000 >> x;
            }
        }
        content.extend(rows.iter().flat_map(|row| row.to_be_bytes()));
    }
    Ok(content)
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
