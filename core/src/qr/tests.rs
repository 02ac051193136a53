//! The encoder against independent ones, and against a decoder.

extern crate std;

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc, QrSegment};

use super::codewords::codewords;
use super::mask::Mask;
use super::reed_solomon::Encoder;
use super::version::{CODEWORDS_MAX, VERSION_MAX, Version};
use super::*;

const LEVELS: [Level; 4] = [Level::L, Level::M, Level::Q, Level::H];
const CODE_URL: &str = "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz";

/// The same text in byte mode by the crate `qrcodegen`.
fn oracle(text: &str, level: Level, mask: Option<u8>) -> QrCode {
    let level = match level {
        Level::L => QrCodeEcc::Low,
        Level::M => QrCodeEcc::Medium,
        Level::Q => QrCodeEcc::Quartile,
        Level::H => QrCodeEcc::High,
    };
    let segments = [QrSegment::make_bytes(text.as_bytes())];
    let (least, most) = (qrcodegen::Version::MIN, qrcodegen::Version::MAX);
    let mask = mask.map(qrcodegen::Mask::new);
    QrCode::encode_segments_advanced(&segments, level, least, most, mask, false).unwrap()
}

/// Version, mask and every module.
fn assert_same(ours: &Matrix, theirs: &QrCode) {
    assert_eq!(ours.version(), usize::from(theirs.version().value()), "{ours:?}");
    assert_eq!(ours.mask(), theirs.mask().value(), "{ours:?}");
    let size = i32::try_from(ours.size()).unwrap();
    assert_eq!(size, theirs.size());
    for (y, row) in (0..size).map(|y| (y, ours.row(usize::try_from(y).unwrap()))) {
        for x in 0..128 {
            assert_eq!(row >> x & 1 == 1, theirs.get_module(x, y), "{ours:?} at {x}, {y}");
        }
    }
}

/// What a decoder reads, from an image with quiet zone and `scale` pixels a module.
fn read(matrix: &Matrix, scale: usize) -> String {
    let side = (matrix.size() + 2 * QUIET_ZONE) * scale;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| {
        let [x, y] = [x, y].map(|pixel| (pixel / scale).wrapping_sub(QUIET_ZONE));
        if matrix.dark(x, y) { 0 } else { 255 }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "{matrix:?}");
    let (meta, text) = grids[0].decode().unwrap();
    assert_eq!(meta.version.0, matrix.version());
    text
}

/// A text of `len` bytes that looks like a code_url and differs in every length.
fn text_of(len: usize) -> String {
    let noise = (1u32..).map(|i| {
        let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789?&=/";
        let hash = (i ^ u32::try_from(len).unwrap() << 10).wrapping_mul(0x9e37_79b9);
        char::from(letters[usize::try_from(hash >> 16).unwrap() % letters.len()])
    });
    "weixin://wxpay/".chars().chain(noise).take(len).collect()
}

#[test]
fn every_length_at_every_level_is_drawn_as_by_an_independent_encoder() {
    for level in LEVELS {
        for len in 0..=TEXT_MAX {
            let text = text_of(len);
            assert_same(&encode(&text, level).unwrap(), &oracle(&text, level, None));
        }
    }
}

#[test]
fn every_version_with_every_mask_is_drawn_as_by_an_independent_encoder() {
    for level in LEVELS {
        let mut versions = Vec::new();
        for len in 0..=TEXT_MAX {
            let text = text_of(len);
            if versions.contains(&encode(&text, level).unwrap().version()) {
                continue;
            }
            versions.push(encode(&text, level).unwrap().version());
            for mask in 0..8 {
                let ours = encode_with_mask(&text, level, mask).unwrap();
                assert_same(&ours, &oracle(&text, level, Some(mask)));
            }
        }
        assert!(versions.iter().copied().eq(1..=versions.len()), "{level:?} {versions:?}");
    }
    assert_eq!(encode(&text_of(TEXT_MAX), Level::H).unwrap().version(), VERSION_MAX);
}

#[test]
fn two_independent_encoders_agree_on_the_modules() {
    for (len, level) in [(37, Level::L), (64, Level::M), (128, Level::Q), (255, Level::H)] {
        let text = text_of(len);
        let ours = encode(&text, level).unwrap();
        let version = qrcode::Version::Normal(i16::try_from(ours.version()).unwrap());
        let level = match level {
            Level::L => qrcode::EcLevel::L,
            Level::M => qrcode::EcLevel::M,
            Level::Q => qrcode::EcLevel::Q,
            Level::H => qrcode::EcLevel::H,
        };
        let mut bits = qrcode::bits::Bits::new(version);
        bits.push_byte_data(text.as_bytes()).unwrap();
        bits.push_terminator(level).unwrap();
        let (data, correction) =
            qrcode::ec::construct_codewords(&bits.into_bytes(), version, level).unwrap();
        let mut canvas = qrcode::canvas::Canvas::new(version, level);
        canvas.draw_all_functional_patterns();
        canvas.draw_data(&data, &correction);
        use qrcode::canvas::MaskPattern as P;
        let masks = [
            P::Checkerboard,
            P::HorizontalLines,
            P::VerticalLines,
            P::DiagonalLines,
            P::LargeCheckerboard,
            P::Fields,
            P::Diamonds,
            P::Meadow,
        ];
        canvas.apply_mask(masks[usize::from(ours.mask())]);
        let theirs = canvas.into_colors();
        let dark = |i| ours.dark(i % ours.size(), i / ours.size());
        assert_eq!(theirs.len(), ours.size() * ours.size());
        for (i, module) in theirs.iter().enumerate() {
            assert_eq!(*module == qrcode::Color::Dark, dark(i), "{ours:?} at {i}");
        }
    }
}

#[test]
fn a_decoder_reads_the_text_back() {
    for level in LEVELS {
        for len in [1, 17, 37, 64, 100, 180, 255] {
            let text = text_of(len);
            assert_eq!(read(&encode(&text, level).unwrap(), 3), text);
        }
        let text = "微信支付 ¥0.01 扫码";
        assert_eq!(read(&encode(text, level).unwrap(), 2), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_drawn_as_by_an_independent_encoder_and_read_back(
        text in "\\PC{1,200}",
        level in prop::sample::select(&LEVELS),
    ) {
        let mut text = text;
        while text.len() > TEXT_MAX {
            text.pop();
        }
        let ours = encode(&text, level).unwrap();
        assert_same(&ours, &oracle(&text, level, None));
        prop_assert_eq!(read(&ours, 3), text);
    }
}

#[test]
fn a_text_of_more_than_255_bytes_is_refused() {
    let text = "é".repeat(128);
    let refused = TooLong { len: 256, max: 255 };
    for level in LEVELS {
        assert_eq!(encode(&text, level), Err(refused));
        assert_eq!(encode_at_least(&text, level), Err(refused));
        assert_eq!(encode_with_mask(&text, level, 0), Err(refused));
        assert!(encode(&text[..254], level).is_ok());
    }
    let message = "256 bytes are too many for a QR code, at most 255 are drawn";
    assert_eq!(refused.to_string(), message);
}

#[test]
fn the_level_is_raised_as_far_as_the_version_allows() {
    for least in LEVELS {
        for len in 0..=TEXT_MAX {
            let text = text_of(len);
            let raised = encode_at_least(&text, least).unwrap();
            let version = raised.version();
            assert_eq!(version, encode(&text, least).unwrap().version());
            let fits = |level: &Level| encode(&text, *level).unwrap().version() == version;
            let highest = LEVELS.into_iter().filter(fits).max();
            assert_eq!(Some(raised.level()), highest);
            assert_eq!(raised, encode(&text, raised.level()).unwrap());
        }
    }
}

#[test]
fn a_mask_number_counts_modulo_eight() {
    let masked = |mask| encode_with_mask(CODE_URL, Level::M, mask).unwrap();
    assert_eq!(masked(13), masked(5));
    assert_eq!(masked(13).mask(), 5);
}

#[test]
fn outside_the_symbol_everything_is_light() {
    for text in ["", CODE_URL, &text_of(255)] {
        let code = encode(text, Level::H).unwrap();
        let size = code.size();
        assert!(code.dark(size - 1, 0));
        assert!((0..size).all(|y| code.row(y) >> size == 0));
        assert!([size, size + 1, 91, 92, 128, usize::MAX].iter().all(|&y| code.row(y) == 0));
        assert!(
            ![(size, 0), (0, size), (127, 0), (128, 0), (usize::MAX, usize::MAX)]
                .iter()
                .any(|&(x, y)| code.dark(x, y))
        );
        assert_eq!(code.runs(size).next(), None);
    }
}

#[test]
fn the_parts_of_a_row_are_the_row() {
    for len in [0, 14, 64, 120, 255] {
        let code = encode(&text_of(len), Level::H).unwrap();
        for y in 0..code.size() + 20 {
            let row = (0..4).map(|part| u128::from(code.row_part(y, part)) << (32 * part));
            assert_eq!(row.sum::<u128>(), code.row(y), "{code:?} {y}");
            assert_eq!((code.row_part(y, 4), code.row_part(y, u32::MAX)), (0, 0));
        }
    }
}

#[test]
fn runs_are_the_dark_modules_of_a_row() {
    for len in [0, 64, 255] {
        let code = encode(&text_of(len), Level::H).unwrap();
        for y in 0..code.size() {
            let runs: Vec<_> = code.runs(y).collect();
            let covered = |x| runs.iter().filter(|run| run.contains(&x)).count();
            assert!((0..code.size()).all(|x| covered(x) == usize::from(code.dark(x, y))));
            assert!(runs.iter().all(|run| !run.is_empty()));
            assert!(runs.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}

#[test]
fn a_matrix_is_small() {
    assert!(size_of::<Matrix>() < 1600, "{}", size_of::<Matrix>());
}

#[test]
fn debug_prints_the_parameters_only() {
    let code = encode_with_mask(CODE_URL, Level::M, 2).unwrap();
    assert_eq!(format!("{code:?}"), "Matrix { version: 3, level: M, mask: 2 }");
}

/// The example of the standard's annex I, "01234567" in version 1-M.
#[test]
fn error_correction_is_that_of_the_standards_example() {
    let mut block = [0; 26];
    block[..16].copy_from_slice(&[
        0x10, 0x20, 0x0c, 0x56, 0x61, 0x80, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11, 0xec,
        0x11,
    ]);
    Encoder::new(10).divide(&mut block);
    let correction = [0xa5, 0x24, 0xd4, 0xc1, 0xed, 0x36, 0xc7, 0x87, 0x2c, 0x55];
    assert_eq!(block[16..], correction);
}

/// The examples of the standard's annexes C and D.
#[test]
fn format_and_version_information_are_those_of_the_standards_examples() {
    assert_eq!(Mask::new(5).format(Level::M), 0b100_0000_1100_1110);
    let seven = Version::smallest(100, Level::M).and_then(|_| Version::smallest(110, Level::M));
    assert_eq!(seven.unwrap().information(), Some(0b00_0111_1100_1001_0100));
}

#[test]
fn the_largest_symbol_fills_the_codewords_to_the_last_one() {
    let version = Version::smallest(TEXT_MAX, Level::H).unwrap();
    assert_eq!(version.number(), VERSION_MAX);
    let codewords = codewords(text_of(TEXT_MAX).as_bytes(), version, Level::H);
    assert_eq!(codewords[CODEWORDS_MAX..], [0]);
    let (correction, blocks) = version.blocks(Level::H);
    let all = version.data_codewords(Level::H) + usize::from(correction) * blocks;
    assert_eq!(all, CODEWORDS_MAX);
}
