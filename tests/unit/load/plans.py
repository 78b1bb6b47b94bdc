"""Plans for tests, as text and read."""

import tomllib
from collections.abc import Mapping

from router.load.plan import Plan, parse

SOURCE = "plan.toml"
TARGET = '[target]\nurl = "http://127.0.0.1:8080"\nhosts = ["127.0.0.1"]\n'
STAGE = "[[stages]]\nrate = 10\nduration_s = 2\n"
ORDER = '[[mix]]\nkind = "order"\nproduct = "BTC-USD"\nquantity = "0.5"\n'
RFQ = '[[mix]]\nkind = "rfq"\nproduct = "BTC-USD"\nquantity = "0.5"\n'
ACCEPT = '[[mix]]\nkind = "accept"\nproduct = "BTC-USD"\nquantity = "0.5"\n'
PLAN = TARGET + STAGE + ORDER


def read(text: str = PLAN, environ: Mapping[str, str] | None = None, url: str | None = None) -> Plan:
    return parse(tomllib.loads(text), SOURCE, environ or {}, url)
