//! Whatever is asked, there is an answer or an error, and never a panic.

use pilothouse::sim::promql::labels::Labels;
use pilothouse::sim::promql::query::{Query, Steps, selector};
use pilothouse::sim::promql::samples::{STALE, Series};
use pilothouse::sim::promql::value::{QueryError, Value};
use proptest::prelude::*;

/// Series with everything a sample can be.
fn series() -> Vec<Series> {
    let values = [
        0.0,
        1.0,
        f64::NAN,
        5.0,
        2.0,
        f64::INFINITY,
        -1.5,
        STALE,
        1e300,
        -1e300,
        f64::NEG_INFINITY,
    ];
    let one = |name: &str, label: &str, value: &str, from: usize| {
        let labels: Labels =
            [("__name__", name), (label, value), ("job", "j")].into_iter().collect();
        let value = |at: usize| values[(at * 7 + from) % values.len()];
        let points = (0..40).map(|at| (i64::try_from(at).expect("small") * 5000, value(at)));
        Series { labels, points: points.collect() }
    };
    vec![
        one("a", "le", "0.1", 0),
        one("a", "le", "+Inf", 3),
        one("a", "le", "x", 5),
        one("b", "x", "1", 1),
        one("b", "x", "2", 9),
        Series { labels: Labels::default(), points: vec![(0, 1.0)] },
    ]
}

fn answer(text: &str) {
    let series = series();
    let Ok(query) = Query::parse(text) else { return };
    for at_ms in [100_000, -5_000, i64::MAX, i64::MIN] {
        let _any = query.instant(&series[..], at_ms);
    }
    let steps = Steps { start_ms: 0, end_ms: 120_000, step_ms: 40_000 };
    let _any = query.range(&series[..], steps);
}

/// Expressions that are well typed, so that they reach the evaluator.
fn expression() -> impl Strategy<Value = String> {
    let leaf = word(&[
        "a",
        "b",
        "nothing",
        r#"{job="j"}"#,
        r#"{x=~"1|2"}"#,
        r#"a{le!~"x"}"#,
        "a offset 7s",
        "b @ 50",
        "b @ end() offset -1m",
        "vector(NaN)",
        "vector(time())",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(5, 40, 3, |vector| {
        let scalar = prop_oneof![
            word(&["0", "1", "-2.5", "NaN", "+Inf", "-Inf", "1e308"]).prop_map(str::to_owned),
            vector.clone().prop_map(|it| format!("scalar({it})")),
        ];
        let binary = (vector.clone(), operator(), modifier(), vector.clone())
            .prop_map(|(left, op, how, right)| format!("({left}) {op} {how} ({right})"));
        let with_number = (vector.clone(), arithmetic(), scalar.clone())
            .prop_map(|(left, op, right)| format!("({left}) {op} {right}"));
        let call = (each(), vector.clone()).prop_map(|(name, arg)| format!("{name}({arg})"));
        let scalar_last = (scalar_last(), vector.clone(), scalar.clone())
            .prop_map(|(name, vector, scalar)| format!("{name}({vector}, {scalar})"));
        let scalar_first = (scalar_first(), scalar, vector.clone())
            .prop_map(|(name, scalar, vector)| format!("{name}({scalar}, {vector})"));
        let subquery = (over_time(), vector.clone(), word(&["[20s:5s]", "[1m:]", "[1s:300ms]"]))
            .prop_map(|(name, arg, range)| format!("{name}(({arg}){range})"));
        let range = (over_time(), word(&["a", "b", "{job=\"j\"}"]), ranges())
            .prop_map(|(name, arg, range)| format!("{name}({arg}{range})"));
        let grouped = (aggregator(), grouping(), vector.clone())
            .prop_map(|(name, by, arg)| format!("{name} {by} ({arg})"));
        let labels = vector
            .clone()
            .prop_map(|it| format!(r#"label_replace({it}, "y", "$1$x${{2}}", "x", "(.)(.*)")"#));
        prop_oneof![
            binary,
            with_number,
            call,
            scalar_last,
            scalar_first,
            subquery,
            range,
            grouped,
            labels,
            vector.prop_map(|it| format!("-({it})")),
        ]
    })
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(words)
}

fn operator() -> impl Strategy<Value = &'static str> + Clone {
    word(&[
        "+", "-", "*", "/", "%", "^", "atan2", "==", "!=", "<", ">", ">=", "<=", "and", "or",
        "unless",
    ])
}

fn arithmetic() -> impl Strategy<Value = &'static str> + Clone {
    word(&["+", "/", "^", "%", "<", "== bool"])
}

fn modifier() -> impl Strategy<Value = &'static str> + Clone {
    word(&[
        "",
        "",
        "bool",
        "on (x)",
        "on ()",
        "ignoring (le)",
        "on (job) group_left (x)",
        "bool on (job) group_right",
    ])
}

fn each() -> impl Strategy<Value = &'static str> + Clone {
    word(&["abs", "ceil", "sgn", "ln", "sqrt", "absent", "timestamp", "sort", "sort_desc", "round"])
}

fn scalar_last() -> impl Strategy<Value = &'static str> + Clone {
    word(&["clamp_min", "clamp_max", "round"])
}

fn scalar_first() -> impl Strategy<Value = &'static str> + Clone {
    word(&["histogram_quantile", "topk", "bottomk", "quantile"])
}

fn over_time() -> impl Strategy<Value = &'static str> + Clone {
    word(&[
        "rate",
        "irate",
        "increase",
        "delta",
        "idelta",
        "deriv",
        "sum_over_time",
        "avg_over_time",
        "max_over_time",
        "min_over_time",
        "count_over_time",
        "last_over_time",
        "stddev_over_time",
        "changes",
        "resets",
        "absent_over_time",
        "present_over_time",
    ])
}

fn ranges() -> impl Strategy<Value = &'static str> + Clone {
    word(&["[1m]", "[5s]", "[1ms]", "[10m]"])
}

fn aggregator() -> impl Strategy<Value = &'static str> + Clone {
    word(&["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"])
}

fn grouping() -> impl Strategy<Value = &'static str> + Clone {
    word(&["", "by (x)", "by ()", "without (le)", "by (__name__, le)"])
}

/// Anything made of what queries are made of.
const TEXT: &str = "[-a-z0-9(){}\\[\\]\"'`=!~<>+*/^%@,:.# \\\\é\n]{0,40}";

/// What may get into a query by mistake.
const DAMAGE: &str = "[-a(){}\\[\\],:5m\"@é ]{0,3}";

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_expression_makes_the_evaluator_panic(text in expression()) {
        answer(&text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in TEXT) {
        answer(&text);
        let _any = selector(&text);
    }

    #[test]
    fn no_damage_to_a_query_makes_the_reader_panic(
        text in expression(),
        at in 0usize..60,
        with in DAMAGE,
    ) {
        let at = text.char_indices().map(|(at, _)| at).nth(at).unwrap_or(text.len());
        answer(&format!("{}{with}{}", &text[..at], &text[at..]));
        answer(&text[..at]);
    }
}

#[test]
fn borders_of_numbers_and_durations_do_not_make_the_parser_panic() {
    for text in [
        "0e5",
        "00",
        "0x1F",
        "08.5",
        "1e308",
        "0x8000000000000000",
        "0xffffffffffffffffff",
        "017",
        "a @ 1e308",
        "a @ -1e308",
        "a @ NaN",
        "a offset 292y",
        "a offset 300y",
        "a[292y]",
        "a[5000000000ms]",
        "a[99999999999999999999y]",
        "a[1s:5000000000ms]",
        "a offset NaN",
        "a[1e30]",
        "a offset 1e30",
        "a[NaN]",
        "1e99999",
    ] {
        answer(text);
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = 50_000;
    for text in [
        "(".repeat(deep) + "1" + &")".repeat(deep),
        "-".repeat(deep) + "1",
        "1".to_owned() + &"+1".repeat(deep),
        "1".to_owned() + &"^1".repeat(deep),
        "abs(".repeat(deep) + "a" + &")".repeat(deep),
        "sum(".repeat(deep) + "a" + &")".repeat(deep),
    ] {
        let error = Query::parse(&text).expect_err("too deep").to_string();
        assert!(error.ends_with("expression is nested too deeply"), "{error}");
    }
}

#[test]
fn nesting_up_to_the_limit_is_evaluated() {
    let deep = 190;
    let nothing: [Series; 0] = [];
    for text in [
        "(".repeat(deep) + "1" + &")".repeat(deep),
        "1".to_owned() + &"+1".repeat(deep),
        "1".to_owned() + &"^1".repeat(deep),
    ] {
        let value = Query::parse(&text).and_then(|query| query.instant(&nothing[..], 0));
        assert!(matches!(value, Ok(Value::Scalar(_))), "{value:?}");
    }
}

#[test]
fn a_query_that_would_take_for_ever_is_refused() {
    let text = "max_over_time(max_over_time(b[1h:1ms])[1h:1ms])";
    let series = series();
    let answer = Query::parse(text).and_then(|query| query.instant(&series[..], 100_000));
    let too_many = "query processing would load too many samples into memory in query execution";
    assert_eq!(answer, Err(QueryError::Execution(too_many.to_owned())));
}
