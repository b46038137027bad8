//! The raw counters of a revision's pods: an instant query with a range selector, which answers samples as they were
//! scraped (`reference/analysis.md` §3.3, feeding rule). Nothing is extrapolated on the way.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::SignedDuration;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::answer::{At, once_each, subject};
use super::client::Prometheus;
use super::envelope::{Points, ResultType};
use super::meaning::{Told, Unanswered};
use super::reading;
use super::template::Template;
use crate::domain::counter::Sample;
use crate::domain::family::{self, FAMILIES, Tells};
use crate::domain::feed::{RevisionPair, Trouble};
use crate::domain::ids::{Name, PodHash};
use crate::domain::look::{self, Look, Looked, RawSeries, SERIES_MAX, Side};
use crate::domain::observed::{Observed, Timestamp};
use crate::domain::text::Text;

/// Series that are kept of one side.
const SIDE_MAX: usize = SERIES_MAX / 2;

/// Labels that name the pod, the usual one first; the address of what was scraped tells pods apart as well.
const POD_LABELS: [&str; 3] = ["pod", "kubernetes_pod_name", "instance"];

/// How a revision's series are found: by the pods' names, or by a label that somebody made of theirs.
static SELECTORS: LazyLock<Vec<Template>> = LazyLock::new(|| {
    let names: Vec<String> = FAMILIES
        .iter()
        .flat_map(|family| match family.tells {
            Tells::Requests(_) => vec![family.name.to_owned()],
            Tells::Latency { .. } => {
                vec![format!("{}_bucket", family.name), format!("{}_count", family.name)]
            }
        })
        .collect();
    let names = names.join("|");
    [
        // Whatever its workload is called: a Canary's stable pods are those of a copy with another name.
        r#"pod=~"[a-z0-9.-]+-{{hash}}-[a-z0-9]+""#,
        r#"rollouts_pod_template_hash="{{hash}}""#,
        r#"pod_template_hash="{{hash}}""#,
        r#"kubernetes_pod_name=~"[a-z0-9.-]+-{{hash}}-[a-z0-9]+""#,
    ]
    .iter()
    .filter_map(|revision| {
        let selector = format!(
            r#"{{__name__=~"{names}",namespace="{{{{namespace}}}}",{revision}}}[{{{{window}}}}]"#
        );
        Template::parse(&selector).ok()
    })
    .collect()
});

/// What one side's question brought.
struct Found {
    series: Vec<RawSeries>,
    left_out: u32,
    doubt: Option<Text>,
    notes: Vec<Text>,
}

impl Prometheus {
    /// The raw counters of both revisions since `reach` ago.
    pub(super) async fn counters(
        &self,
        pair: &RevisionPair,
        reach: Duration,
    ) -> Result<Observed<Look>, Unanswered> {
        let headers = self.headers().await?;
        let moment = self.moment(&headers).await?;
        let at = At { headers: &headers, moment };
        let canary = self.side_of(pair, (pair.canary.as_ref(), Side::Canary), (reach, at));
        let stable = self.side_of(pair, (pair.stable.as_ref(), Side::Stable), (reach, at));
        let (canary, stable) = futures::try_join!(canary, stable)?;
        let doubts = [&canary, &stable].into_iter().filter_map(|side| side.doubt.clone());
        let mut doubts: Vec<Text> = doubts.collect();
        let is_whole = doubts.is_empty();
        doubts.extend(once_each([canary.notes, stable.notes]).iter().cloned());
        let mut look = Look {
            at: Some(moment.ours),
            left_out: canary.left_out + stable.left_out,
            doubts,
            source: self.place(),
            ..Look::default()
        };
        // A partial answer would show one arm smaller than it is: this look says nothing.
        if is_whole {
            look.pods = looked(&canary.series, Side::Canary);
            look.pods.extend(looked(&stable.series, Side::Stable));
            look.series = canary.series;
            look.series.extend(stable.series);
        }
        Ok(Observed::new(look, self.now()))
    }

    async fn side_of(
        &self,
        pair: &RevisionPair,
        (hash, side): (Option<&PodHash>, Side),
        (reach, at): (Duration, At<'_>),
    ) -> Result<Found, Unanswered> {
        let mut found = Found { series: vec![], left_out: 0, doubt: None, notes: vec![] };
        let Some(hash) = hash else { return Ok(found) };
        for selector in &*SELECTORS {
            let question = selector.fill(subject(pair, hash), reach);
            let told: Told<Matrix> = self.raw(at.headers, &question, at.moment.theirs).await?;
            found = read(told, side, at.moment.skew())?;
            if !found.series.is_empty() || found.doubt.is_some() {
                break;
            }
        }
        Ok(found)
    }
}

fn read(told: Told<Matrix>, side: Side, skew: SignedDuration) -> Result<Found, Unanswered> {
    if told.data.kind != ResultType::Matrix {
        let words = Text::clean("samples were asked for, and the answer is something else");
        return Err(Trouble::BadAnswer(words).into());
    }
    let left_out = told.data.result.left_out;
    let series = told.data.result.kept.into_iter();
    Ok(Found {
        series: series.filter_map(|one| raw(&one, side, skew)).collect(),
        left_out,
        doubt: told.doubt,
        notes: told.notes,
    })
}

fn raw(one: &Counted, side: Side, skew: SignedDuration) -> Option<RawSeries> {
    let label = |name: &str| one.metric.get(name).map(|value| &**value);
    let metric = label("__name__")?;
    let (family, counts) = family::counts(metric, label)?;
    let pod = POD_LABELS.iter().find_map(|name| label(name))?;
    let labels = one.metric.iter().map(|(name, value)| (&**name, &**value));
    let sample = |point: &super::envelope::Point| {
        let at = reading::timestamp(point.at)?.checked_sub(skew).ok()?;
        Some(Sample { at, value: point.value })
    };
    Some(RawSeries {
        family: family.name,
        counts,
        side,
        pod: Name::new(pod),
        key: look::key(metric, labels),
        samples: one.values.0.iter().filter_map(sample).collect(),
    })
}

/// The pods that these series are of, each with its newest sample.
fn looked(series: &[RawSeries], side: Side) -> Vec<Looked> {
    let mut newest: BTreeMap<&Name, Timestamp> = BTreeMap::new();
    for one in series {
        let Some(sample) = one.samples.last() else { continue };
        let at = newest.entry(&one.pod).or_insert(sample.at);
        *at = sample.at.max(*at);
    }
    newest.into_iter().map(|(pod, at)| Looked { pod: pod.clone(), side, at: Some(at) }).collect()
}

/// `data` of an answer in samples.
#[derive(serde::Deserialize)]
pub(super) struct Matrix {
    #[serde(rename = "resultType")]
    kind: ResultType,
    result: Bounded,
}

/// The first series of a result, and how many more there are.
#[derive(Default)]
struct Bounded {
    kept: Vec<Counted>,
    left_out: u32,
}

#[derive(serde::Deserialize)]
struct Counted {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Points,
}

impl<'de> Deserialize<'de> for Bounded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Bounded;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of series")
            }
            // `null` is how some gateways write an empty list.
            fn visit_unit<E: serde::de::Error>(self) -> Result<Bounded, E> {
                Ok(Bounded::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bounded, A::Error> {
                let mut bounded = Bounded::default();
                while bounded.kept.len() < SIDE_MAX {
                    let Some(one) = list.next_element()? else { return Ok(bounded) };
                    bounded.kept.push(one);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    bounded.left_out = bounded.left_out.saturating_add(1);
                }
                Ok(bounded)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Asked, Turn, on_time, pair, says, scripted, spec};
    use super::*;
    use crate::domain::feed::{Answer, Query};
    use crate::domain::look::Counts;

    fn matrix(series: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#)
    }

    async fn look(script: impl Fn(&Asked) -> Turn + Send + Sync + 'static) -> Answer {
        let (prometheus, _asked) = scripted(spec(), on_time(script));
        let reach = Duration::from_mins(1);
        prometheus.answer(&Query::Look { pair: pair(), reach }).await
    }

    async fn looked_at(script: impl Fn(&Asked) -> Turn + Send + Sync + 'static) -> Look {
        let answer = look(script).await;
        let Answer::Look(look) = answer else { panic!("{answer:?}") };
        look.value
    }

    #[test]
    fn every_selector_is_promql() {
        assert_eq!(SELECTORS.len(), 4);
        for selector in &*SELECTORS {
            let question =
                selector.fill(subject(&pair(), &PodHash::new("new1")), Duration::from_mins(1));
            assert!(promql_parser::parser::parse(&question).is_ok(), "{question}");
            assert!(question.ends_with("}[60s]") && question.contains("http_requests_total|"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn samples_come_as_they_were_scraped_and_say_what_they_count() {
        let look = looked_at(|asked| {
            let pod = if asked.is_canary() { "cart-new1-x" } else { "cart-old1-y" };
            says(matrix(&format!(
                r#"{{"metric":{{"__name__":"http_requests_total","pod":"{pod}","code":"500"}},"values":[[985,"7"],[1000,"9"]]}},
                   {{"metric":{{"__name__":"http_requests_total","pod":"{pod}","code":"200"}},"values":[[1000,"90"]]}},
                   {{"metric":{{"__name__":"http_request_duration_seconds_bucket","pod":"{pod}","le":"+Inf"}},"values":[[1000,"99"]]}},
                   {{"metric":{{"__name__":"go_goroutines","pod":"{pod}"}},"values":[[1000,"12"]]}},
                   {{"metric":{{"__name__":"http_requests_total","code":"200"}},"values":[[1000,"1"]]}}"#
            )))
        })
        .await;
        let canary: Vec<(Counts, f64)> = look
            .series
            .iter()
            .filter(|series| series.side == Side::Canary)
            .map(|series| (series.counts, series.samples.last().unwrap().value))
            .collect();
        let expected =
            [(Counts::Bad, 9.0), (Counts::Good, 90.0), (Counts::UpTo(f64::INFINITY), 99.0)];
        assert_eq!(canary, expected);
        assert_eq!(look.series.len(), 6, "what tells of no pod and what nobody knows is left out");
        let at = Timestamp::from_second(1_000).ok();
        assert_eq!(look.pods[0], Looked { pod: Name::new("cart-new1-x"), side: Side::Canary, at });
        assert_eq!((look.at, look.source.as_str()), (at, "prometheus.test:9090"));
        assert!(look.doubts.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn another_label_is_tried_where_the_first_finds_nothing() {
        let look = looked_at(|asked| {
            let one = r#"{"metric":{"__name__":"http_requests_total","instance":"10.0.0.7:80","code":"200"},"values":[[1000,"90"]]}"#;
            let finds = asked.query().contains("rollouts_pod_template_hash");
            says(matrix(if finds { one } else { "" }))
        })
        .await;
        assert_eq!(look.series.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_partial_answer_says_nothing_but_that_it_is_one() {
        let look = looked_at(|asked| {
            let one = r#"{"metric":{"__name__":"http_requests_total","pod":"p","code":"200"},"values":[[1000,"90"]]}"#;
            let whole = matrix(one);
            let partial = whole.replace(r#""success","#, r#""success","warnings":["store down"],"#);
            says(if asked.is_canary() { partial } else { whole })
        })
        .await;
        assert_eq!((look.series.len(), look.pods.len()), (0, 0));
        assert_eq!(look.doubts[0].as_str(), "store down");
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_series_are_cut_and_counted_and_other_answers_are_told() {
        let one = |number: usize| {
            format!(
                r#"{{"metric":{{"__name__":"http_requests_total","pod":"p","user":"{number}","code":"200"}},"values":[[1000,"1"]]}}"#
            )
        };
        let many: Vec<String> = (0..SIDE_MAX + 3).map(one).collect();
        let many = many.join(",");
        let look = looked_at(move |_| says(matrix(&many))).await;
        assert_eq!((look.series.len(), look.left_out), (SERIES_MAX, 6));
        for body in [
            r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#,
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"x"},"values":[[1,"x"]]}]}}"#,
            "<title>Log in</title>",
            "{",
        ] {
            let answer = look_of(body).await;
            assert!(matches!(answer, Answer::Failed(Trouble::BadAnswer(_))), "{body}: {answer:?}");
        }
    }

    async fn look_of(body: &'static str) -> Answer {
        look(move |_| says(body)).await
    }
}
