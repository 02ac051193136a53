"""weixin-python: the address is the class attribute `PAY_HOST`, which a subclass overrides."""

from weixin.pay import WeixinPay
from with_wechatpy import table


class Sdk:
    def __init__(self, us):
        class Pay(WeixinPay):
            PAY_HOST = us["host"]

        self.pay = Pay(
            us["appid"],
            us["mch_id"],
            us["key"],
            "http://127.0.0.1/unused",
            us.get("private_key"),
            us.get("certificate"),
        )

    def order(self, **fields):
        common = {"trade_type": "NATIVE", "product_id": "1", "spbill_create_ip": "127.0.0.1"}
        return self.pay.unified_order(**common, **fields)

    def query(self, **number):
        return self.pay.order_query(**number)

    def close(self, out_trade_no):
        return self.pay.close_order(out_trade_no)

    def refund(self, **fields):
        return self.pay.refund(op_user_id=self.pay.mch_id, **fields)

    def refund_query(self, **number):
        return self.pay.refund_query(**number)

    def bill(self, bill_date):
        return table(self.pay.download_bill(bill_date))

    def hear(self, kind, xml):
        """It has nothing to decrypt a refund's notification with."""
        notice = self.pay.to_dict(xml.decode())
        genuine = kind == "pay" and self.pay.check(dict(notice))
        if not genuine:
            return None, self.pay.reply("SIGNERROR", ok=False)
        return notice, self.pay.reply("OK")
