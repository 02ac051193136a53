"""wechatpy: the address is the class attribute `API_BASE_URL`, which a subclass overrides."""

from datetime import datetime

from wechatpy.exceptions import InvalidSignatureException
from wechatpy.pay import WeChatPay
from wechatpy.pay.utils import dict_to_xml


class Sdk:
    def __init__(self, us):
        class Pay(WeChatPay):
            API_BASE_URL = us["host"] + "/"

        self.pay = Pay(
            us["appid"],
            us["key"],
            us["mch_id"],
            mch_cert=us.get("certificate"),
            mch_key=us.get("private_key"),
        )

    def order(self, body, total_fee, notify_url, out_trade_no, **more):
        return self.pay.order.create(
            "NATIVE", body, total_fee, notify_url, "127.0.0.1", None, out_trade_no, **more
        )

    def query(self, **number):
        return self.pay.order.query(**number)

    def close(self, out_trade_no):
        return self.pay.order.close(out_trade_no)

    def refund(self, **fields):
        return self.pay.refund.apply(**fields)

    def refund_query(self, **number):
        return self.pay.refund.query(**number)

    def bill(self, bill_date):
        return table(self.pay.tools.download_bill(datetime.strptime(bill_date, "%Y%m%d")))

    def fund_bill(self, bill_date):
        return table(self.pay.tools.download_fundflow(bill_date))

    def hear(self, kind, xml):
        try:
            if kind == "refund":
                notice = self.pay.parse_refund_notify_result(xml)
            else:
                notice = self.pay.parse_payment_result(xml)
        except InvalidSignatureException:
            return None, reply("FAIL", "SIGNERROR")
        return notice, reply("SUCCESS", "OK")


def reply(code, text):
    return dict_to_xml({"return_code": code, "return_msg": text}).encode()


def table(text):
    """The SDK gives a bill as text; reading it is the caller's."""
    head, *lines, sums, totals = text.lstrip("\ufeff").splitlines()

    def row(names, line):
        return dict(zip(names.split(","), line[1:].split(",`"), strict=True))

    return {"lines": [row(head, line) for line in lines], "summary": row(sums, totals)}
