//! Merchants and apps that were taken out of the configuration too early.

use crate::config::Config;
use crate::store::{ForWhom, UnderWay};

/// What to say of each for whom something is under way, and whom the configuration does not have;
/// or of why nobody could look, which keeps no server from its work.
pub(crate) fn stranded(config: &Config, under_way: ForWhom) -> Vec<String> {
    let under_way = match under_way {
        Ok(under_way) => under_way,
        Err(error) => {
            return vec![format!(
                "whether the configuration lacks a merchant or an app whose orders are not over \
                 could not be seen now: {error}"
            )];
        }
    };
    let is_known = |it: &UnderWay| {
        let merchants = config.merchants.iter();
        let mut merchants = merchants.filter(|merchant| merchant.mch_id.as_str() == it.mch_id);
        merchants.any(|merchant| merchant.apps.iter().any(|app| app.as_str() == it.app_id))
    };
    let say = |it: &UnderWay| {
        let UnderWay { mch_id, app_id, count } = it;
        format!(
            "merchant {mch_id} with app {app_id} is not in the configuration, and {count} of its \
             orders and refunds are not over: WeChat is asked about none of them, and told us of a \
             payment it is refused. Put it back, and leave it there as long as its payments can be \
             refunded: for a year"
        )
    };
    under_way.iter().filter(|it| !is_known(it)).map(say).collect()
}
