//! Drawings of goods, in flat colours on a pale tile, made of [shapes](crate::shape).

use crate::{
    menu::Symbol,
    shape::Shape::{self, Bowl, Dome, Oval, Quad, Rect, Stroke},
};
use embedded_graphics::pixelcolor::{Rgb888, WebColors as _};

const SAND: Rgb888 = Rgb888::new(0xf4, 0xea, 0xdc);
const MIST: Rgb888 = Rgb888::new(0xe3, 0xec, 0xee);
const LEAF: Rgb888 = Rgb888::new(0xe2, 0xef, 0xe2);
const BUTTER: Rgb888 = Rgb888::new(0xfb, 0xf0, 0xd2);
const SHADE: Rgb888 = Rgb888::new(0xdd, 0xcc, 0xb6);
const WHITE: Rgb888 = Rgb888::CSS_WHITE;
const COFFEE: Rgb888 = Rgb888::new(0x8a, 0x57, 0x36);
const MILK: Rgb888 = Rgb888::new(0xd8, 0xa8, 0x78);
const GLASS: Rgb888 = Rgb888::new(0xbd, 0xd3, 0xd8);
const GREEN: Rgb888 = Rgb888::new(0x06, 0x7c, 0x44);
const TEA: Rgb888 = Rgb888::new(0x8d, 0xbd, 0x6a);
const PALE_TEA: Rgb888 = Rgb888::new(0xb9, 0xd8, 0x9b);
const CRUST: Rgb888 = Rgb888::new(0xd9, 0x9a, 0x4e);
const DARK_CRUST: Rgb888 = Rgb888::new(0xb8, 0x78, 0x34);
const CUSTARD: Rgb888 = Rgb888::new(0xf8, 0xcf, 0x5c);
const WATER: Rgb888 = Rgb888::new(0x6f, 0xa8, 0xbf);
const CARTON: Rgb888 = Rgb888::new(0xc9, 0x9a, 0x68);
const DARK_CARTON: Rgb888 = Rgb888::new(0xb0, 0x80, 0x50);

const fn tile(colour: Rgb888) -> (Rgb888, Shape) {
    (colour, Rect([0, 0, 64, 64, 10]))
}

const CUP: &[(Rgb888, Shape)] = &[
    tile(SAND),
    (SHADE, Stroke([26, 9, 26, 15, 3])),
    (SHADE, Stroke([33, 7, 33, 15, 3])),
    (SHADE, Stroke([40, 9, 40, 15, 3])),
    (SHADE, Oval([31, 54, 23, 4])),
    (WHITE, Oval([31, 52, 23, 4])),
    (WHITE, Oval([47, 33, 10, 9])),
    (SAND, Oval([47, 33, 6, 5])),
    (WHITE, Quad([[13, 24], [49, 24], [46, 38], [16, 38]])),
    (WHITE, Bowl([31, 37, 15, 14])),
    (WHITE, Oval([31, 24, 18, 5])),
    (COFFEE, Oval([31, 24, 15, 3])),
    (MILK, Oval([31, 25, 9, 2])),
];

const POUR_OVER: &[(Rgb888, Shape)] = &[
    tile(MIST),
    (WHITE, Quad([[16, 12], [48, 12], [37, 30], [27, 30]])),
    (COFFEE, Oval([32, 12, 13, 3])),
    (WHITE, Rect([20, 29, 24, 4, 2])),
    (COFFEE, Stroke([32, 34, 32, 38, 2])),
    (GLASS, Stroke([46, 40, 52, 40, 3])),
    (GLASS, Stroke([52, 40, 52, 50, 3])),
    (GLASS, Stroke([52, 50, 47, 52, 3])),
    (GLASS, Quad([[24, 35], [40, 35], [47, 52], [17, 52]])),
    (GLASS, Rect([17, 48, 30, 9, 4])),
    (COFFEE, Quad([[22, 43], [42, 43], [45, 51], [19, 51]])),
    (COFFEE, Rect([19, 47, 26, 8, 3])),
];

const TEA_GLASS: &[(Rgb888, Shape)] = &[
    tile(LEAF),
    (WHITE, Quad([[17, 14], [47, 14], [43, 52], [21, 52]])),
    (WHITE, Rect([21, 46, 22, 10, 4])),
    (PALE_TEA, Quad([[20, 24], [44, 24], [42, 38], [22, 38]])),
    (TEA, Quad([[21, 34], [43, 34], [41, 51], [23, 51]])),
    (TEA, Rect([23, 46, 18, 7, 3])),
    (GREEN, Stroke([46, 7, 37, 22, 3])),
    (WHITE, Oval([28, 29, 3, 3])),
    (WHITE, Oval([33, 27, 3, 3])),
    (WHITE, Oval([36, 31, 3, 3])),
    (WHITE, Oval([33, 35, 3, 3])),
    (WHITE, Oval([28, 34, 3, 3])),
    (CUSTARD, Oval([32, 31, 2, 2])),
];

const TART: &[(Rgb888, Shape)] = &[
    tile(BUTTER),
    (SHADE, Oval([32, 51, 22, 4])),
    (CRUST, Quad([[8, 30], [56, 30], [46, 50], [18, 50]])),
    (DARK_CRUST, Stroke([18, 38, 22, 48, 2])),
    (DARK_CRUST, Stroke([27, 40, 28, 49, 2])),
    (DARK_CRUST, Stroke([37, 40, 36, 49, 2])),
    (DARK_CRUST, Stroke([46, 38, 42, 48, 2])),
    (CRUST, Oval([32, 30, 24, 10])),
    (CUSTARD, Oval([32, 29, 20, 7])),
    (CRUST, Oval([25, 28, 4, 1])),
    (DARK_CRUST, Oval([37, 31, 5, 2])),
    (CRUST, Oval([39, 26, 3, 1])),
];

const BOTTLE: &[(Rgb888, Shape)] = &[
    tile(MIST),
    (GREEN, Rect([26, 7, 12, 6, 2])),
    (WATER, Rect([28, 13, 8, 10, 1])),
    (WATER, Quad([[28, 18], [36, 18], [43, 28], [21, 28]])),
    (WATER, Rect([21, 26, 22, 32, 5])),
    (WHITE, Rect([21, 33, 22, 14, 0])),
    (GREEN, Oval([32, 40, 4, 4])),
];

const CARTON_BOX: &[(Rgb888, Shape)] = &[
    tile(SAND),
    (DARK_CARTON, Quad([[18, 14], [46, 14], [54, 25], [10, 25]])),
    (CARTON, Rect([10, 24, 44, 31, 2])),
    (WHITE, Quad([[29, 14], [35, 14], [36, 25], [28, 25]])),
    (WHITE, Rect([28, 24, 8, 12, 0])),
    (GREEN, Rect([40, 43, 9, 7, 1])),
];

const PAPER_BAG: &[(Rgb888, Shape)] = &[
    tile(LEAF),
    (DARK_CARTON, Stroke([24, 21, 25, 12, 3])),
    (DARK_CARTON, Stroke([25, 12, 39, 12, 3])),
    (DARK_CARTON, Stroke([39, 12, 40, 21, 3])),
    (CARTON, Quad([[15, 20], [49, 20], [51, 57], [13, 57]])),
    (DARK_CARTON, Quad([[15, 20], [49, 20], [49, 24], [15, 24]])),
    (WHITE, Oval([32, 41, 9, 9])),
    (GREEN, Stroke([28, 41, 31, 44, 3])),
    (GREEN, Stroke([31, 44, 37, 38, 3])),
];

const LOAF: &[(Rgb888, Shape)] = &[
    tile(BUTTER),
    (SHADE, Oval([32, 52, 23, 3])),
    (CRUST, Dome([32, 38, 23, 20])),
    (CRUST, Rect([9, 34, 46, 18, 8])),
    (CUSTARD, Stroke([21, 27, 26, 35, 4])),
    (CUSTARD, Stroke([31, 24, 36, 32, 4])),
    (CUSTARD, Stroke([41, 26, 45, 33, 4])),
    (DARK_CRUST, Stroke([15, 46, 49, 46, 3])),
];

/// What a symbol is made of, back to front, in [units](crate::shape::UNITS); the first is its
/// tile.
#[must_use]
pub const fn shapes(symbol: Symbol) -> &'static [(Rgb888, Shape)] {
    match symbol {
        Symbol::Cup => CUP,
        Symbol::Glass => TEA_GLASS,
        Symbol::Pot => POUR_OVER,
        Symbol::Bottle => BOTTLE,
        Symbol::Bread => LOAF,
        Symbol::Cake => TART,
        Symbol::Bag => PAPER_BAG,
        Symbol::Parcel => CARTON_BOX,
    }
}
