//! The client against scripted servers.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method, Request, Response};
use http_body_util::Full;
use reqwest::Url;
use secrecy::SecretString;

use super::client::Prometheus;
use super::script::{
    Asked, JSON, Turn, charts, clock, compare, on_time, pair, reading, says, scalar, scripted,
    spec, trouble, value, vector,
};
use super::spec::{Login, PrometheusSpec, Secret};
use crate::domain::feed::{Answer, Query, RevisionPair, Trouble};
use crate::domain::ids::ClusterName;
use crate::domain::metric::{MetricKind, NoData};
use crate::domain::observed::{Clock, Timestamp};
use crate::domain::text::Text;

#[tokio::test(start_paused = true)]
async fn every_question_is_a_form_with_its_own_time_and_deadline() {
    let (prometheus, asked) = scripted(spec(), on_time(|_| says(vector(&["1"]))));
    compare(&prometheus).await;
    let asked: Vec<Asked> = asked.try_iter().collect();
    assert_eq!(
        asked.len(),
        1 + 2 * 4,
        "the time, then three metrics and the newest sample of each"
    );
    for question in &asked {
        assert_eq!((&question.method, &*question.path), (&Method::POST, "/prefix/api/v1/query"));
        assert_eq!(question.form["timeout"], "8s");
    }
    for question in asked.iter().skip(1) {
        assert_eq!(question.form["time"], "1000.000");
        assert!(question.query().contains(r#"namespace="shop""#), "{}", question.query());
    }
}

#[tokio::test(start_paused = true)]
async fn canary_and_stable_keep_their_values_their_time_and_their_source() {
    let (prometheus, _asked) = scripted(
        spec(),
        on_time(|asked| says(vector(&[if asked.is_canary() { "0.08" } else { "0" }]))),
    );
    let seen = compare(&prometheus).await;
    for kind in MetricKind::ALL {
        let (canary, stable) = reading(&seen, kind);
        assert_eq!((value(canary), value(stable)), (Some(0.08), Some(0.0)));
    }
    let evaluated = Timestamp::from_millisecond(1_000_500).unwrap();
    assert!(seen.pairs.iter().all(|pair| pair.evaluated_at == Some(evaluated)));
    assert_eq!(seen.source.as_str(), "prometheus.test:9090");
    assert_eq!((seen.canary, seen.stable), (pair().canary, pair().stable));
    assert!(seen.warnings.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_is_not_there_is_not_asked_for() {
    let (prometheus, asked) = scripted(spec(), on_time(|_| says(vector(&["1"]))));
    let query = Query::Compare(RevisionPair { canary: None, ..pair() });
    let Answer::Comparison(seen) = prometheus.answer(&query).await else { panic!() };
    let (canary, stable) = reading(&seen.value, MetricKind::ErrorRatio);
    assert_eq!((canary, value(stable)), (Err(NoData::NoSeries), Some(1.0)));
    assert_eq!(asked.try_iter().count(), 1 + 4);
}

#[tokio::test(start_paused = true)]
async fn one_wrong_template_takes_only_its_own_metric_away() {
    let error = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    let (prometheus, _asked) = scripted(
        spec(),
        on_time(move |asked| {
            if asked.query().contains("histogram_quantile") {
                Turn::Says(400, JSON, error.to_owned())
            } else {
                says(vector(&["1"]))
            }
        }),
    );
    let seen = compare(&prometheus).await;
    let words = Text::clean("bad_data: parse error");
    assert_eq!(reading(&seen, MetricKind::LatencyP99).0, Err(NoData::Refused(words)));
    assert_eq!(value(reading(&seen, MetricKind::ErrorRatio).0), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn warnings_take_the_values_away_and_are_shown_once() {
    let partial = vector(&["1"]).replace("]}}", r#"]},"warnings":["store eu-2 is down"]}"#);
    let (prometheus, _asked) = scripted(spec(), on_time(move |_| says(partial.clone())));
    let seen = compare(&prometheus).await;
    let words = Text::clean("store eu-2 is down");
    assert_eq!(reading(&seen, MetricKind::ErrorRatio).0, Err(NoData::Partial(words.clone())));
    assert_eq!(seen.warnings.to_vec(), [words]);
}

#[tokio::test(start_paused = true)]
async fn samples_that_end_too_long_ago_make_values_stale_and_nothing_else_a_number() {
    let newest = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"is":"newest"},"value":[1000,"960"]},
        {"metric":{"is":"samples"},"value":[1000,"20"]}]}}"#;
    let (prometheus, _asked) = scripted(spec(), move |asked| match asked.query() {
        "time()" => says(scalar(1_000.0)),
        query if query.contains("timestamp") && asked.is_canary() => says(newest),
        query if query.contains("timestamp") => says(vector(&[])),
        query if query.contains("histogram_quantile") => says(vector(&["NaN"])),
        query if query.contains("5..") => says(vector(&[])),
        _ => says(vector(&["7"])),
    });
    let seen = compare(&prometheus).await;
    let stale = Err(NoData::Stale(Timestamp::from_second(960).unwrap()));
    assert_eq!(reading(&seen, MetricKind::RequestRate).0, stale);
    assert_eq!(reading(&seen, MetricKind::ErrorRatio).0, stale);
    assert_eq!(reading(&seen, MetricKind::LatencyP99).0, Err(NoData::NotANumber));
    assert_eq!(value(reading(&seen, MetricKind::RequestRate).1), Some(7.0));
    assert_eq!(reading(&seen, MetricKind::ErrorRatio).1, Err(NoData::NoSeries));
}

#[tokio::test(start_paused = true)]
async fn whatever_is_no_answer_is_one_trouble_for_all() {
    let error = r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#;
    let large = format!("{}{}", vector(&["1"]), " ".repeat(3 << 20));
    for (turn, want) in [
        (Turn::Breaks, "cannot connect: connection reset"),
        (Turn::Says(200, "text/html", "<title>Log in</title>".into()), "page \"Log in\""),
        (says(&vector(&["1"])[..50]), "JSON is cut off"),
        (Turn::Says(503, JSON, error.into()), "answered 503: timeout: query timed out"),
        (Turn::Says(401, "text/plain", "who are you".into()), "not authenticated: who are you"),
        (
            Turn::Sends(302, &[("location", "https://sso.example/login?x=1")], String::new()),
            "redirects to https://sso.example, which is not followed",
        ),
        (
            Turn::Sends(302, &[("location", "http://prometheus.test:9091/")], String::new()),
            "redirects to http://prometheus.test:9091",
        ),
        (Turn::Sends(303, &[("location", "/login")], String::new()), "not followed"),
        (Turn::Sends(308, &[("location", "/again")], String::new()), "redirects in a circle"),
        (Turn::Sends(301, &[], String::new()), "redirects to nowhere (status 301)"),
        (says(large), "larger than 2097152 bytes"),
        (says("[".repeat(100_000)), "not understood"),
        (Turn::Says(200, JSON, "\u{0}\u{1}".into()), "not JSON"),
    ] {
        let (prometheus, _asked) = scripted(spec(), on_time(move |_| turn.clone()));
        let trouble = trouble(&prometheus).await.to_string();
        assert!(trouble.contains(want), "{trouble} should hold {want}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_to_the_same_host_is_asked_the_same() {
    let (prometheus, asked) = scripted(
        spec(),
        on_time(|asked| match &*asked.path {
            "/other/query" => says(vector(&["1"])),
            _ => Turn::Sends(307, &[("location", "/other/query")], String::new()),
        }),
    );
    assert_eq!(value(reading(&compare(&prometheus).await, MetricKind::ErrorRatio).0), Some(1.0));
    let asked: Vec<Asked> = asked.try_iter().collect();
    let followed: Vec<&Asked> = asked.iter().filter(|asked| asked.path == "/other/query").collect();
    assert_eq!(followed.len(), 6);
    assert!(followed.iter().all(|asked| asked.method == Method::POST && !asked.query().is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_given_up_after_ten_seconds() {
    for hangs_at_once in [true, false] {
        let (prometheus, _asked) = scripted(spec(), move |asked| {
            if asked.query() == "time()" && !hangs_at_once {
                return says(scalar(1_000.0));
            }
            Turn::Hangs
        });
        let began = tokio::time::Instant::now();
        let after = Duration::from_secs(10);
        assert_eq!(trouble(&prometheus).await, Trouble::TimedOut { after });
        assert_eq!(began.elapsed(), after);
    }
}

#[tokio::test(start_paused = true)]
async fn at_most_four_questions_are_on_their_way_whoever_asks() {
    let on_the_way = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let counted = Arc::clone(&on_the_way);
    let service = tower::service_fn(move |_request: Request<Full<Bytes>>| {
        let counted = Arc::clone(&counted);
        async move {
            let now = counted.0.fetch_add(1, Ordering::SeqCst) + 1;
            counted.1.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            counted.0.fetch_sub(1, Ordering::SeqCst);
            let body = Full::new(Bytes::from(scalar(1_000.0)));
            Ok::<_, Infallible>(
                Response::builder().header("content-type", JSON).body(body).unwrap(),
            )
        }
    });
    let prometheus = Prometheus::mounted(service, spec(), clock());
    let query = Query::Compare(pair());
    let answers = futures::future::join_all((0..5).map(|_| prometheus.answer(&query))).await;
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Comparison(_))));
    assert_eq!(on_the_way.1.load(Ordering::SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_left_alone_for_as_long_as_it_says() {
    let busy = Arc::new(AtomicUsize::new(1));
    let rest = Arc::clone(&busy);
    let (prometheus, asked) = scripted(
        spec(),
        on_time(move |_| match rest.load(Ordering::SeqCst) {
            0 => says(vector(&["1"])),
            _ => Turn::Sends(429, &[("retry-after", "20")], "slow down".into()),
        }),
    );
    let slow_down = Trouble::Refused { code: 429, detail: Text::clean("slow down") };
    assert_eq!(trouble(&prometheus).await, slow_down);
    let before = asked.try_iter().count();
    assert!(before > 0);
    busy.store(0, Ordering::SeqCst);
    tokio::time::advance(Duration::from_secs(19)).await;
    assert_eq!(trouble(&prometheus).await, slow_down);
    assert_eq!(asked.try_iter().count(), 0, "nothing was asked");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(value(reading(&compare(&prometheus).await, MetricKind::RequestRate).0), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_server_with_another_clock_is_asked_in_its_own_time() {
    let (prometheus, asked) = scripted(spec(), |asked| match asked.query() {
        "time()" => says(scalar(1_300.0)),
        _ if asked.path.ends_with("query_range") => {
            let values = r#"[[1300,"1"],[1310,"2"]]"#;
            says(format!(
                r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},"values":{values}}}]}}}}"#
            ))
        }
        _ => says(vector(&["1"])),
    });
    compare(&prometheus).await;
    assert!(asked.try_iter().skip(1).all(|asked| asked.form["time"] == "1300.000"));
    let curves = charts(&prometheus, 1_000, 1_020).await;
    let asked: Vec<Asked> = asked.try_iter().collect();
    assert_eq!(asked.len(), 6, "the clock is not asked again");
    for question in &asked {
        let form = ["start", "end", "step"].map(|key| question.form[key].as_str());
        assert_eq!(form, ["1300", "1320", "10"]);
    }
    let series = curves.charts[0].canary.clone().unwrap();
    assert_eq!(series.start, Timestamp::from_second(1_000).unwrap(), "by our clock again");
    assert_eq!(series.points.iter().filter(|point| point.is_some()).count(), 2);
    assert_eq!(series.points.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn rates_of_a_chart_leave_nothing_out_between_points() {
    let (prometheus, asked) = scripted(spec(), on_time(|_| says(vector(&[]))));
    let at = |second| Timestamp::from_second(second).unwrap();
    let query = Query::Charts { pair: pair(), from: at(0), to: at(90_000), step_seconds: 300 };
    let Answer::Charts(seen) = prometheus.answer(&query).await else { panic!() };
    assert!(asked.try_iter().skip(1).all(|asked| asked.query().contains("[300s]")));
    assert!(matches!(seen.value.charts[0].canary, Err(NoData::Refused(_))));
}

#[tokio::test(start_paused = true)]
async fn credentials_go_with_every_question_and_are_marked_as_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "first\n").unwrap();
    let header = HeaderName::from_static("x-scope-orgid");
    let mut spec = spec();
    spec.url = Url::parse("https://prometheus.test").unwrap();
    spec.login = Login::Bearer(Secret::File(path.clone()));
    spec.headers = vec![(header.clone(), Secret::Given(SecretString::from("tenant")))];
    let (prometheus, asked) = scripted(spec.clone(), on_time(|_| says(vector(&["1"]))));
    compare(&prometheus).await;
    std::fs::write(&path, "second\n").unwrap();
    compare(&prometheus).await;
    let asked: Vec<Asked> = asked.try_iter().collect();
    let sent: Vec<&str> =
        asked.iter().map(|asked| asked.headers["authorization"].to_str().unwrap()).collect();
    assert!(sent.contains(&"Bearer first") && sent.contains(&"Bearer second"), "{sent:?}");
    for asked in &asked {
        assert!(asked.headers["authorization"].is_sensitive());
        assert_eq!(asked.headers[&header], "tenant");
        assert!(!format!("{:?}", asked.headers).contains("first"));
    }
    spec.login =
        Login::Basic { username: "dana".into(), password: Secret::Given(SecretString::from("pw")) };
    let (prometheus, asked) = scripted(spec.clone(), on_time(|_| says(vector(&["1"]))));
    compare(&prometheus).await;
    assert_eq!(asked.recv().unwrap().headers["authorization"], "Basic ZGFuYTpwdw==");
    spec.login = Login::Bearer(Secret::File(folder.path().join("gone")));
    let (prometheus, asked) = scripted(spec, |_| says(vector(&["1"])));
    assert!(matches!(trouble(&prometheus).await, Trouble::Config(_)));
    assert_eq!(asked.try_iter().count(), 0);
}

#[tokio::test]
async fn what_is_asked_of_other_sources_is_not_answered_here() {
    let (prometheus, asked) = scripted(spec(), |_| Turn::Hangs);
    let answer = prometheus.answer(&Query::Yaml(pair().target)).await;
    assert_eq!(answer, Answer::Failed(Trouble::NotConfigured));
    assert_eq!(asked.try_iter().count(), 0);
}

#[test]
fn a_spec_that_cannot_work_is_told_before_anything_is_asked() {
    let clock: Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
    for (url, is_fine) in [
        ("http://127.0.0.1:9090", true),
        ("http://169.254.169.254/", false),
        ("http://[fe80::1]:9090", false),
        ("http://[::ffff:169.254.169.254]:9090", false),
        ("ftp://prometheus.test", false),
    ] {
        let spec = PrometheusSpec::new(ClusterName::new("east"), Url::parse(url).unwrap());
        assert_eq!(Prometheus::new(spec, Arc::clone(&clock)).is_ok(), is_fine, "{url}");
    }
}
