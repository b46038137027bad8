#!/usr/bin/env python3
"""Records raw samples of a real Prometheus and its answers to expressions over them.

    record.py URL edges  > edges.json     # a Prometheus that scrapes target.py as job `shop`
    record.py URL shop   > shop.json      # live cluster: rollout `cart` of 4 pods in namespace `simprom`, a bad canary of one pod
    record.py URL errors > errors.json    # answers to bad requests, and to good ones without data; any Prometheus
    record.py URL shapes > shapes.json    # answers whose content is that of the machine; any Prometheus

tests/promql evaluates the same expressions on the same samples and compares.
The recorded Prometheus was 2.42 (Debian), with scrape_interval 2s and evaluation_interval 15s, up
for 15 minutes; that of the live cluster differs in the second, so it gets no subquery without a step.
"""
import json, sys, time, urllib.error, urllib.parse, urllib.request

URL = sys.argv[1].rstrip("/")

# The raw samples reach back this far; expressions look at the end of it.
WINDOW = {"edges": 500, "shop": 260}
SPAN = {"edges": 180, "shop": 60}
STEP = {"edges": 12, "shop": 10}

EDGES = """
temperature
temperature{room="a"}
temperature{room=~"a|b"}
temperature{room!="a"}
temperature{room!~"a.*|c"}
temperature{room=~"[ab]",room!="b"}
{__name__=~"temp.*",room="d"}
nothing
flapping
flapping offset 1m
temperature{room="a"} offset 37s
temperature{room="a"} @ END
rate(http_requests_total[1m])
rate(http_requests_total{pod_template_hash="bbb"}[2m])
rate(http_requests_total[5m])
rate(http_requests_total[7s])
rate(http_requests_total[3s])
rate(flapping[1m])
increase(http_requests_total[1m])
increase(http_requests_total{code="500"}[33s])
irate(http_requests_total[1m])
idelta(temperature[1m])
delta(temperature[1m])
deriv(temperature[1m])
predict_linear(temperature{room="a"}[1m], 60)
sum_over_time(temperature[1m])
avg_over_time(temperature[1m])
avg_over_time(huge[1m])
max_over_time(temperature[1m])
min_over_time(temperature[1m])
count_over_time(temperature[1m])
count_over_time(flapping[1m])
last_over_time(flapping[1m])
last_over_time(temperature[1m])
present_over_time(flapping[1m])
stddev_over_time(temperature[1m])
stdvar_over_time(temperature[1m])
quantile_over_time(0.8, temperature[1m])
changes(temperature[1m])
resets(http_requests_total[2m])
sum(http_requests_total)
sum by (code) (rate(http_requests_total[1m]))
sum without (code) (rate(http_requests_total[1m]))
sum by (code, nothing) (rate(http_requests_total[1m]))
avg(temperature)
avg by (room) (temperature)
min(temperature)
max(temperature)
count(temperature)
count by (__name__) ({room=~".+"})
group by (room) (temperature)
stddev(http_requests_total)
stdvar(http_requests_total)
quantile(0.5, http_requests_total)
quantile(0.9, temperature)
quantile(1.5, temperature)
topk(2, temperature)
bottomk(2, temperature)
topk(1, http_requests_total) by (code)
topk(0, temperature)
count_values("value", http_requests_total > 0)
histogram_quantile(0.99, sum by (le, pod_template_hash) (rate(http_request_duration_seconds_bucket[1m])))
histogram_quantile(0.5, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))
histogram_quantile(0.5, rate(http_request_duration_seconds_bucket[1m]))
histogram_quantile(0.01, http_request_duration_seconds_bucket)
histogram_quantile(0, http_request_duration_seconds_bucket)
histogram_quantile(1, http_request_duration_seconds_bucket)
histogram_quantile(2, http_request_duration_seconds_bucket)
histogram_quantile(-1, http_request_duration_seconds_bucket)
histogram_quantile(NaN, http_request_duration_seconds_bucket)
histogram_quantile(0.5, http_request_duration_seconds_bucket{le!="+Inf"})
histogram_quantile(0.5, http_requests_total)
histogram_quantile(scalar(weights{code="200"}), http_request_duration_seconds_bucket)
sum by (pod_template_hash) (rate(http_requests_total{code=~"5.."}[1m])) / sum by (pod_template_hash) (rate(http_requests_total[1m]))
sum(rate(http_requests_total{code="404"}[1m])) / sum(rate(http_requests_total[1m])) or vector(0)
sum(rate(http_requests_total{code="404"}[1m])) or vector(0)
temperature + 1
temperature - temperature
temperature * 2 ^ 3
temperature % 7
-temperature
-temperature ^ 2
2 ^ 3 ^ 2
temperature / 0
0 / (temperature - temperature)
temperature > 19
temperature > bool 19
19 < temperature
19 < bool temperature
temperature == temperature
temperature != temperature
1 == bool 1
1 + 2 * 3 % 4
10 atan2 3
temperature atan2 3
time()
time() - timestamp(temperature)
timestamp(temperature)
timestamp(temperature + 0)
http_requests_total * on (code) group_left weights
http_requests_total * on (code) group_left () weights
weights * on (code) group_right () http_requests_total
http_requests_total * on (pod_template_hash) group_left (version) info
http_requests_total{code="200",pod_template_hash="aaa"} / ignoring (code) http_requests_total{code="500",pod_template_hash="aaa"}
http_requests_total{code="200"} / ignoring (code) http_requests_total{code="500"}
http_requests_total{code="200"} > ignoring (code) http_requests_total{code="500"}
http_requests_total{code="200"} > bool ignoring (code) http_requests_total{code="500"}
http_requests_total{code="200"} > on (pod_template_hash) http_requests_total{code="500"}
http_requests_total and on (code) weights{code="200"}
http_requests_total unless on (code) weights{code="200"}
http_requests_total{code="200"} or http_requests_total
info or on (pod_template_hash) http_requests_total
flapping or vector(7)
abs(temperature)
ceil(temperature)
floor(temperature)
round(temperature)
round(temperature, 0.3)
round(temperature, 5)
clamp(temperature, 0, 20)
clamp(temperature, 20, 0)
clamp_min(temperature, 20)
clamp_max(temperature, 20)
sgn(temperature)
sqrt(temperature)
exp(temperature)
ln(temperature)
log2(temperature)
log10(temperature)
cos(temperature)
deg(temperature)
rad(temperature)
scalar(temperature)
scalar(temperature{room="a"})
vector(3)
vector(time())
pi()
absent(temperature)
absent(nothing)
absent(nothing{a="1",b=~"x",c!="y",a="2"})
absent(sum(nothing))
absent_over_time(nothing{job="x"}[1m])
absent_over_time(flapping[1m])
label_replace(temperature, "place", "room-$1", "room", "([ab])")
label_replace(temperature, "room", "", "room", "a")
label_replace(temperature, "x", "${1}y$$", "room", "(.*)")
label_join(temperature, "all", "-", "job", "room", "none")
sort(temperature)
sort_desc(temperature)
max_over_time(rate(http_requests_total{code="200"}[20s])[1m:10s])
sum_over_time((temperature > 15)[1m:7s] offset 11s)
avg_over_time(flapping[2m:])
tiny
huge
tiny * 1e-3
huge / 1e30
+Inf
-Inf
NaN
0x1f
1e3
((temperature))
rate({__name__=~"http_requests_total|http_request_duration_seconds_count"}[1m])
rate({__name__=~"temperature|flapping|info"}[1m])
{__name__=~"info|weights"} + 1
up{job="shop"}
scrape_samples_scraped{job="shop"}
"""

# Made by a generator; of 12 000 such expressions all were answered alike when this was recorded.
RANDOM = open(__file__.replace("record.py", "random.txt")).read()

SHOP = """
http_requests_total{NS}
sum by (rollouts_pod_template_hash) (rate(http_requests_total{NS}[1m]))
sum by (rollouts_pod_template_hash) (rate(http_requests_total{NS,code=~"5.."}[1m])) / sum by (rollouts_pod_template_hash) (rate(http_requests_total{NS}[1m]))
sum by (rollouts_pod_template_hash) (rate(http_requests_total{NS,code=~"5.."}[1m])) / sum by (rollouts_pod_template_hash) (rate(http_requests_total{NS}[1m])) > 0.05
1 - sum(rate(http_requests_total{NS,code!~"5.."}[1m])) / sum(rate(http_requests_total{NS}[1m]))
histogram_quantile(0.99, sum by (le, rollouts_pod_template_hash) (rate(http_request_duration_seconds_bucket{NS}[1m])))
histogram_quantile(0.5, sum by (le, app) (rate(http_request_duration_seconds_bucket{NS}[30s])))
histogram_quantile(0.95, sum by (le, pod) (increase(http_request_duration_seconds_bucket{NS}[45s])))
sum by (pod) (increase(http_requests_total{NS}[2m]))
rate(http_requests_total{NS}[30s])
irate(http_requests_total{NS}[30s])
sum by (app) (http_requests_total{NS})
count by (app, rollouts_pod_template_hash) (http_requests_total{NS})
count by (app) (count by (app, pod) (http_requests_total{NS}))
topk(3, sum by (pod) (rate(http_requests_total{NS}[1m])))
rate(http_request_duration_seconds_sum{NS}[1m]) / rate(http_request_duration_seconds_count{NS}[1m])
sum(rate(http_requests_total{NS,code=~"5.."}[1m])) or vector(0)
sum(rate(http_requests_total{NS,code="404"}[1m])) or vector(0)
absent(http_requests_total{NS,code="404"})
time() - max by (app) (timestamp(http_requests_total{NS}))
max_over_time(sum by (app) (rate(http_requests_total{NS}[20s]))[1m:5s])
avg by (app) (rate(http_request_duration_seconds_sum{NS}[1m]) / rate(http_request_duration_seconds_count{NS}[1m]))
sum by (code) (rate(http_requests_total{NS}[1m])) / ignoring (code) group_left sum(rate(http_requests_total{NS}[1m]))
quantile by (app) (0.9, rate(http_requests_total{NS,code="200"}[1m]))
sum(rate(http_request_duration_seconds_bucket{NS,le="0.25"}[1m])) / sum(rate(http_request_duration_seconds_count{NS}[1m]))
""".replace("NS", 'namespace="simprom",app="cart"')

BAD = r"""

(
sum(
sum(x))
x{
x{a
x{a=
x{a="b"
x{a=~"("}
{}
{a=~".*"}
x{__name__="y"}
x[5m
x[5]
x[0s]
x[]
x[5x]
x[1y2y]
x[5m5h]
x[:5m]
x[5m:1m
x[99999999999999999y]
rate(x)
rate(x[5m]
rate()
rate(x[5m],1)
rate(x[5m],)
nope(x)
sum(x[5m])
sum by (
sum by (a
sum by (a b) (x)
sum by a (x)
sum by (1) (x)
sum by (a
topk(x)
topk("a",x)
quantile(x)
sum()
sum(x, y)
1 +
1 + +
1 > 2
1 and 2
x and 1
x + on(a) 1
x + on(a) group_left(a) y
x and on(a) group_left(b) y
x + bool y
x offset
x offset 5
x offset foo
x offset 5m offset 5m
x @
x @ foo
x @ 1 @ 2
sum(x) offset 5m
sum(x) @ 5
"abc
'abc\q'
-"a"
-x[5m]
-rate(x)
x y
x x{}
1 2
x )
]
}
x = 1
x =~ 1
x ! 1
x !~ 1
x & y
é
x{é="1"}
x{1="b"}
1x
1.2.3
0x
1e
5m
histogram_quantile(x)
histogram_quantile(0.9, 1)
label_replace(x, "a", "b", "c")
label_replace(x, "a-b", "b", "c", "d")
label_replace(x, "a", "b", "c", "(")
label_join(x, "a-b", ",", "c")
label_join(x, "a", ",", "c-d")
label_join(x, "a")
count_values("a-b", x)
round(x, 1, 2)
x{a="b" c="d"}
x{a="b",,}
x{,}
x{a!"b"}
x{a=b}
x{a}
x{a,b}
x{{}
sum(x) by (a) by (b)
group_left
bool
x + group_left y
x + on y
sum sum
on
x{a="\x"}
vector("a")
scalar(1)
time(1)
vector(1)[5m]
(x)[5m]
x[5m][5m]
x @ 10 [5m]
x offset 1m [5m]
x{a="1" or b="2"}
{"x"}
x +

y +
sum(x) > sum(y[1m])
clamp(x, 1
(x + (y * (z))
(x + y
sum(x y)
sum by (a) +
sum by (a)
sum by (a) x
sum x
sum(rate(x y))
rate(x y)
(x y)
sum(x) by a
sum(x) by (a,)
sum(x) by (a,,)
sum(x) by (,)
sum(x) by ()
x[5m 5m]
x[5m:5m 5m]
x[5m:y]
x[5m::]
x[5m,]
x offset -
x offset - y
x offset +5m
x offset 0s
x @ -
x @ -5
x @ start()
x @ start
x @ end(
x @ start(1)
x @ inf
x @ (5)
x{a=5}
x{a==5}
x{=5}
x{"a"=5}
x + * y
x + on(a) bool y
x > on(a) bool y
x > bool on(a) group_left y
x and bool y
1 and vector(1)
-1 ^ 2
- - 1
sum(,)
sum(x,)
sum(x,,)
rate(,)
rate(x[5m],,)
rate{} (x)
start(x)
sum{a="b"}
sum(x){a="b"}
(x){a="b"}
"a" + 1
x + y[5m]
topk(1, x[5m])
topk(x, y)
count_values(1, x)
sum(1)
time() > 1
x == bool on(a) 1
1 + on() x
1 + ignoring(a) x
(1 > 2)
sum(1 > 2)
x[5m:1m][5m]
1[5m:1m]
"a"[5m:1m]
x[5m][5m:1m]
rate(x[5m])[5m]
(x @ 5) @ 6
(x offset 5m) offset 6m
(x[5m]) offset 5m
{__name__=""}
x{a=~"[a"}
x{a=~"*"}
`abc
a:b(x)
histogram_quantile(1,x,y)
label_replace(x,1,"a","b","c")
absent(1)
round()
round(1)
vector(x)
hour(1)
info(x)
mad_over_time(x[5m])
limitk(1, x)
1.5m
x[1.5m]
x[5mm]
x[5ms5s]
x[5s5]
x[-5m]
0b1
1_000
1e1000
by
by + offset
sum by (sum, by, bool) (x)
# only a comment
x # comment (
"averylongstringliteral" "b"
"""

REQUESTS = [
    ["query", [["query", "up"], ["time", "foo"]]],
    ["query", [["query", "up"], ["timeout", "foo"]]],
    ["query", []],
    ["query", [["query", "up"], ["time", "2015-07-01T20:11:00.781Z"]]],
    ["query", [["query", "1"], ["time", "1435781451.781"]]],
    ["query", [["query", "1"], ["time", "1435781451.5"]]],
    ["query", [["query", "1"], ["time", "-5"]]],
    ["query", [["query", "\"a\\nb<>&\""], ["time", "1435781451"]]],
    ["query", [["query", "vector(1.5)"], ["time", "2015-07-01T22:10:51+02:00"]]],
    ["query", [["query", "scalar(nothing)"], ["time", "1"]]],
    ["query", [["query", "vector(1e-9) or vector(2)"], ["time", "1"]]],
    ["query_range", [["query", "up"]]],
    ["query_range", [["query", "up"], ["start", "1"]]],
    ["query_range", [["query", "up"], ["start", "1"], ["end", "10"]]],
    ["query_range", [["query", "up"], ["start", "x"], ["end", "10"], ["step", "1"]]],
    ["query_range", [["query", "up"], ["start", "1"], ["end", "x"], ["step", "1"]]],
    ["query_range", [["query", "up"], ["start", "10"], ["end", "1"], ["step", "1"]]],
    ["query_range", [["query", "up"], ["start", "1"], ["end", "10"], ["step", "0"]]],
    ["query_range", [["query", "up"], ["start", "1"], ["end", "10"], ["step", "-1"]]],
    ["query_range", [["query", "up"], ["start", "1"], ["end", "10"], ["step", "foo"]]],
    ["query_range", [["query", "up"], ["start", "1"], ["end", "11001"], ["step", "1"]]],
    ["query_range", [["query", "1"], ["start", "1"], ["end", "11002"], ["step", "1"]]],
    ["query_range", [["query", "up["], ["start", "1"], ["end", "10"], ["step", "1"]]],
    ["query_range", [["query", "up[5m]"], ["start", "1"], ["end", "10"], ["step", "1"]]],
    ["query_range", [["query", "\"a\""], ["start", "1"], ["end", "10"], ["step", "1"]]],
    ["query_range", [["query", "up"], ["start", "1"], ["end", "10"], ["step", "1"], ["timeout", "x"]]],
    ["query_range", [["query", "time()"], ["start", "1"], ["end", "3"], ["step", "500ms"]]],
    ["query_range", [["query", "vector(time())"], ["start", "1"], ["end", "3.2"], ["step", "1"]]],
    ["query_range", [["query", "nothing"], ["start", "1"], ["end", "3"], ["step", "1"]]],
    ["series", []],
    ["series", [["match[]", "x{"]]],
    ["series", [["match[]", "{}"]]],
    ["series", [["match[]", "sum(x)"]]],
    ["series", [["match[]", "nothing"]]],
    ["series", [["match[]", "up"], ["start", "x"]]],
    ["series", [["match[]", "up"], ["end", "x"]]],
    ["labels", [["start", "x"]]],
    ["labels", [["match[]", "x{"]]],
    ["labels", [["match[]", "nothing"]]],
    ["label/a-b/values", []],
    ["label/nothing/values", []],
    ["label/job/values", [["match[]", "x{"]]],
    ["label/job/values", [["end", "x"]]],
    ["metadata", [["limit", "x"]]],
    ["metadata", [["metric", "nothing"]]],
    ["rules", [["type", "x"]]],
    ["rules", []],
    ["alerts", []],
    ["targets", [["state", "dropped"]]],
    ["status/buildinfo", []],
    ["nothing", []],
]


def ask(path, params, method="GET", tries=1):
    data = urllib.parse.urlencode([tuple(pair) for pair in params]).encode()
    url = f"{URL}/api/v1/{urllib.parse.quote(path)}"
    request = urllib.request.Request(url, data) if method == "POST" else \
        urllib.request.Request(url + ("?" + data.decode() if data else ""))
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    body, kind = answer.read(), answer.headers.get("Content-Type")
    try:
        body = json.loads(body, parse_float=lambda text: float(text))
    except ValueError:
        body = body.decode()
    return {"status": answer.status if hasattr(answer, "status") else answer.code, "type": kind, "body": body}


def raw(selector, end, window, scrape):
    series = ask("query", [("query", f"{selector}[{window}s]"), ("time", end)])["body"]["data"]["result"]
    for one in series:
        # Where the series is not visible between two samples there is a stale marker.
        labels = dict(one["metric"])
        name = labels.pop("__name__")
        matchers = ",".join(f"{k}={json.dumps(v)}" for k, v in labels.items())
        marks = []
        times = [float(t) for t, _ in one["values"]] + [end + scrape]
        for before, after in zip(times, times[1:]):
            if after - before > 1.5 * scrape:
                seen = ask("query_range", [("query", f"{name}{{{matchers}}}"), ("start", before),
                                           ("end", min(after, end) - 0.001), ("step", "0.1")])
                result = seen["body"]["data"]["result"]
                last = max((t for t, _ in result[0]["values"]), default=before) if result else before
                if last < min(after, end) - 0.2:
                    marks.append(round(last + 0.1, 3))
        if marks:
            one["stale"] = marks
    return series


def compact(answer):
    answer.pop("type")
    return answer


def expressions(text, end, span, step):
    out = []
    for line in text.strip().split("\n"):
        query = line.replace("@ END", f"@ {end - 30}")
        out.append({
            "query": query,
            "instant": compact(ask("query", [("query", query), ("time", end)])),
            "range": compact(ask("query_range", [("query", query), ("start", end - span),
                                                 ("end", end), ("step", step)])),
        })
    return out


def main(kind):
    build = ask("status/buildinfo", [])["body"]["data"]["version"]
    if kind == "shapes":
        requests = [["targets", [["state", "active"]]], ["metadata", [["limit", "1"]]]]
        return {"prometheus": build, "answers": [{"path": p, **ask(p, a)} for p, a in requests]}
    if kind == "errors":
        queries = BAD.split("\n")[1:-1]
        lines = ["x +\n\ny +" if q == "x +" else q for q in queries if q != "y +"]
        # An empty line of the list is the empty query; only the first one counts.
        lines = [q for i, q in enumerate(lines) if q or i == 0]
        requests = [["query", [["query", q], ["time", "1"]]] for q in lines] + REQUESTS
        return {"prometheus": build,
                "answers": [{"path": p, "params": a, **ask(p, a)} for p, a in requests]}
    end = int(time.time()) - 3 + 0.25
    selector = {"edges": '{__name__!~"prometheus_.*|go_.*|net_.*|process_.*",job="shop"}',
                "shop": '{__name__=~"http_request.*",namespace="simprom",app="cart"}'}[kind]
    answers = expressions({"edges": EDGES + RANDOM, "shop": SHOP}[kind], end, SPAN[kind], STEP[kind])
    return {"prometheus": build, "end": end, "span": SPAN[kind], "step": STEP[kind],
            "series": raw(selector, end, WINDOW[kind], 2), "answers": answers}


json.dump(main(sys.argv[2]), sys.stdout, indent=None, separators=(",", ":"))
print()
