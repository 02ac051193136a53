"""Drives SDKs from PyPI through their public functions; driver.mjs beside it says how."""

import json
import sys
import time
from importlib.metadata import version

from wechatpy.pay import WeChatPay
from weixin.pay import WeixinPay


def say(value):
    print(json.dumps(value), flush=True)


def sdks(merchant):
    """Each takes a notification or raises."""
    app_id, mch_id, key = merchant["app_id"], merchant["mch_id"], merchant["key"]
    wechatpy = WeChatPay(appid=app_id, api_key=key, mch_id=mch_id)
    weixin = WeixinPay(app_id, mch_id, key, "https://pay.example.com/wx/v2/notify")

    def weixin_python(xml):
        if not weixin.check(weixin.to_dict(xml)):
            raise ValueError("forged")

    return {"wechatpy": wechatpy.parse_payment_result, "weixin-python": weixin_python}


def takes(sdk, xml):
    try:
        sdk(xml)
        return True
    except Exception:
        return False


merchant = json.loads(sys.stdin.readline())
notices = merchant["notices"]
all_sdks = list(sdks(merchant).items())
say([
    {
        "name": name,
        "version": version(name),
        "verifies": [takes(sdk, one["xml"]) and not takes(sdk, one["forged"]) for one in notices],
    }
    for name, sdk in all_sdks
])

for line in sys.stdin:
    number, notice, calls = map(int, line.split())
    sdk, xml = all_sdks[number][1], notices[notice]["xml"]
    start = time.perf_counter_ns()
    for _ in range(calls):
        sdk(xml)
    say(time.perf_counter_ns() - start)
