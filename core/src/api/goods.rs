//! `detail` and `scene_info`, the two fields of a unified order that hold JSON (protocol §4).

use super::RequestError;
use super::json::{Quoted, is_object};
use super::request::is_text;
use crate::money::Fen;
use core::fmt::Write;
use heapless::String;

/// Longest `detail` in bytes.
pub const DETAIL_MAX: usize = 6_144;
/// Longest `scene_info` in bytes.
pub const SCENE_INFO_MAX: usize = 256;

/// One kind of goods in an order; an example is at [`Detail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goods<'a> {
    /// The shop's number of it, 1 to 32 bytes.
    pub goods_id: &'a str,
    /// WeChat's number of it, at most 32 bytes; empty when there is none.
    pub wxpay_goods_id: &'a str,
    /// Its name, at most 256 bytes; may be empty.
    pub goods_name: &'a str,
    /// How many, at least 1.
    pub quantity: u32,
    /// What one costs.
    pub price: Fen,
}

/// The value of `detail`: the goods that single-item coupons are looked up for.
///
/// ```
/// use saoma_core::api::{Detail, Goods};
/// use saoma_core::money::Fen;
///
/// let goods = Goods {
///     goods_id: "LATTE-L",
///     wxpay_goods_id: "",
///     goods_name: "拿铁 \"大杯\"",
///     quantity: 2,
///     price: Fen::parse("2599")?,
/// };
/// let detail = Detail::new(&[goods], Some(Fen::parse("5198")?), "")?;
/// assert_eq!(
///     detail.as_str(),
///     r#"{"cost_price":5198,"goods_detail":[{"goods_id":"LATTE-L","goods_name":"拿铁 \"大杯\"","quantity":2,"price":2599}]}"#
/// );
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail(String<DETAIL_MAX>);

impl Detail {
    /// Writes the goods, the price before coupons, and the shop's receipt number (at most 32
    /// bytes; empty when there is none).
    ///
    /// # Errors
    /// [`RequestError`] names the part that breaks its rule, or `detail` above 6144 bytes.
    pub fn new(
        goods: &[Goods<'_>],
        cost_price: Option<Fen>,
        receipt_id: &str,
    ) -> Result<Self, RequestError> {
        if goods.is_empty() {
            return Err(RequestError { field: "goods_detail", rule: "must not be empty" });
        }
        goods.iter().try_for_each(check_goods)?;
        check(receipt_id, "receipt_id", 32, "must be at most 32 bytes")?;
        let mut json = String::new();
        let written = write_detail(&mut json, goods, cost_price, receipt_id);
        let rule = "must be at most 6144 bytes";
        written.map(|()| Self(json)).map_err(|_| RequestError { field: "detail", rule })
    }

    /// The JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_goods(goods: &Goods<'_>) -> Result<(), RequestError> {
    let refuse = |field, rule| Err(RequestError { field, rule });
    if goods.goods_id.is_empty() {
        return refuse("goods_id", "must be 1 to 32 bytes without control characters");
    }
    check(goods.goods_id, "goods_id", 32, "must be 1 to 32 bytes without control characters")?;
    check(goods.wxpay_goods_id, "wxpay_goods_id", 32, "must be at most 32 bytes")?;
    check(goods.goods_name, "goods_name", 256, "must be at most 256 bytes")?;
    if goods.quantity == 0 {
        return refuse("quantity", "must be at least 1");
    }
    if goods.price > Fen::ORDER_MAX {
        return refuse("price", "must be at most 2147483647 fen");
    }
    Ok(())
}

fn check(
    text: &str,
    field: &'static str,
    max: usize,
    rule: &'static str,
) -> Result<(), RequestError> {
    let fits = text.is_empty() || is_text(text, max);
    if fits { Ok(()) } else { Err(RequestError { field, rule }) }
}

fn write_detail(
    json: &mut impl Write,
    goods: &[Goods<'_>],
    cost_price: Option<Fen>,
    receipt_id: &str,
) -> core::fmt::Result {
    json.write_str("{")?;
    if let Some(cost_price) = cost_price {
        write!(json, "\"cost_price\":{cost_price},")?;
    }
    if !receipt_id.is_empty() {
        write!(json, "\"receipt_id\":{},", Quoted(receipt_id))?;
    }
    json.write_str("\"goods_detail\":[")?;
    let mut comma = "";
    for goods in goods {
        write!(json, "{comma}{{\"goods_id\":{}", Quoted(goods.goods_id))?;
        write_text(json, "wxpay_goods_id", goods.wxpay_goods_id)?;
        write_text(json, "goods_name", goods.goods_name)?;
        write!(json, ",\"quantity\":{},\"price\":{}}}", goods.quantity, goods.price)?;
        comma = ",";
    }
    json.write_str("]}")
}

/// A further member, left out when it is empty.
fn write_text(json: &mut impl Write, name: &str, value: &str) -> core::fmt::Result {
    if value.is_empty() { Ok(()) } else { write!(json, ",\"{name}\":{}", Quoted(value)) }
}

/// A shop, for `scene_info`; an example is at [`SceneInfo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store<'a> {
    /// The shop's number, 1 to 32 bytes.
    pub id: &'a str,
    /// Its name, at most 64 bytes; may be empty.
    pub name: &'a str,
    /// Its administrative division, 6 digits; may be empty.
    pub area_code: &'a str,
    /// Its address, at most 128 bytes; may be empty.
    pub address: &'a str,
}

/// The value of `scene_info`: in which shop the order was made.
///
/// ```
/// use saoma_core::api::{SceneInfo, Store};
///
/// let store = Store { id: "SZTX001", name: "腾大餐厅", area_code: "440305", address: "" };
/// let scene = SceneInfo::new(&store)?;
/// assert_eq!(
///     scene.as_str(),
///     r#"{"store_info":{"id":"SZTX001","name":"腾大餐厅","area_code":"440305"}}"#
/// );
/// # Ok::<(), saoma_core::api::RequestError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneInfo(String<SCENE_INFO_MAX>);

impl SceneInfo {
    /// Writes a shop.
    ///
    /// # Errors
    /// [`RequestError`] names the part that breaks its rule, or `scene_info` above 256 bytes.
    pub fn new(store: &Store<'_>) -> Result<Self, RequestError> {
        let rule = "must be 1 to 32 bytes without control characters";
        if store.id.is_empty() {
            return Err(RequestError { field: "id", rule });
        }
        check(store.id, "id", 32, rule)?;
        check(store.name, "name", 64, "must be at most 64 bytes")?;
        check(store.address, "address", 128, "must be at most 128 bytes")?;
        let code = store.area_code;
        let is_code = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
        if !(code.is_empty() || is_code) {
            return Err(RequestError { field: "area_code", rule: "must be 6 digits" });
        }
        let mut json = String::new();
        let rule = "must be at most 256 bytes";
        let written = write_scene(&mut json, store);
        written.map(|()| Self(json)).map_err(|_| RequestError { field: "scene_info", rule })
    }

    /// The JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn write_scene(json: &mut impl Write, store: &Store<'_>) -> core::fmt::Result {
    write!(json, "{{\"store_info\":{{\"id\":{}", Quoted(store.id))?;
    write_text(json, "name", store.name)?;
    write_text(json, "area_code", store.area_code)?;
    write_text(json, "address", store.address)?;
    json.write_str("}}")
}

/// One JSON object of at most `max` bytes.
pub(super) fn is_json(text: &str, max: usize) -> bool {
    text.len() <= max && is_object(text)
}
