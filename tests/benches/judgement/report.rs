//! The tables, as they go into `assets/JUDGEMENT.md`.

use std::fmt::Write as _;
use std::time::Duration;

use super::count;

/// What the runs of a row came to.
#[derive(Clone, Debug)]
pub(super) struct Delays {
    /// Seconds, ascending; a run that never came to it is infinite.
    seconds: Vec<f64>,
}

impl Delays {
    pub(super) fn new(found: impl Iterator<Item = Option<f64>>) -> Self {
        let mut seconds: Vec<f64> = found.map(|found| found.unwrap_or(f64::INFINITY)).collect();
        seconds.sort_by(f64::total_cmp);
        Self { seconds }
    }

    fn share(&self) -> f64 {
        let found = self.seconds.iter().filter(|seconds| seconds.is_finite()).count();
        count(found) / count(self.seconds.len()).max(1.0)
    }

    fn percent(&self) -> String {
        format!("{:.1} %", 100.0 * self.share())
    }

    /// `per_mille` of the runs were not later than this.
    fn quantile(&self, per_mille: usize) -> String {
        let at = (self.seconds.len().saturating_sub(1) * per_mille).div_ceil(1_000);
        match self.seconds.get(at) {
            Some(seconds) if seconds.is_finite() => format!("{seconds:.0}"),
            Some(_) | None => "never".to_owned(),
        }
    }

    fn mean(&self) -> String {
        let found: Vec<f64> =
            self.seconds.iter().copied().filter(|seconds| seconds.is_finite()).collect();
        if found.is_empty() {
            return "–".to_owned();
        }
        format!("{:.1}", found.iter().sum::<f64>() / count(found.len()))
    }
}

/// The document.
pub(super) struct Report {
    text: String,
}

const HEAD: &str = "# How good the judge is

Measured on simulated canaries; written by `cargo bench --bench judgement` (`tests/benches/judgement`), not by hand. The
judge is `analysis::judge` as it stands: each run makes a `Judge`, feeds it one window after the other, and asks for the
verdict after every one of them. α = 1 % per rollout, β = 5 % for a pass.

Unless a row says otherwise: windows of 15 s for an hour (240 looks), 0.1 % of stable's requests are bad, the canary serves
50 requests/s at 5 % of the traffic (950/s are stable's), errors come one by one and the judge knows so (φ = 1). Counts are
drawn from their exact laws (xorshift64* from the seed; run *n* of row *k* has the seed 1 000 000 k + n, rows numbered in
`main.rs`), so the tables can be made again to the last digit; only the times under \"Cost\" depend on the machine.

What is simulated is what was thought of. Real traffic has users who retry, pods that warm up and caches that fill: the
guards for these are the dispersion φ, the time to settle, and nothing else.
";

impl Report {
    pub(super) fn new(ours: u64, slow: u64) -> Self {
        let mut text = HEAD.to_owned();
        let _ = writeln!(
            text,
            "\nRuns per row: {ours} of false alarms (latency and six metrics {}), {} of delays (latency and six metrics \
             {}); of Mann and\nWhitney's judge {slow}. One standard error of a false alarm rate of 1 % is {:.2} points.",
            ours / 4,
            ours / 2,
            ours / 8,
            100.0 * (0.01 * 0.99 / count(usize::try_from(ours).unwrap_or(1))).sqrt()
        );
        Self { text }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn row(&mut self, name: &str, cells: impl Iterator<Item = String>, width: usize) {
        let mut cells: Vec<String> = cells.collect();
        cells.resize(width, String::new());
        let line = format!("| {name} | {} |", cells.join(" | "));
        println!("{line}");
        self.line(&line);
    }

    pub(super) fn false_alarms(&mut self) {
        self.line(
            "
## False alarms: any failure within the hour, nothing wrong

| canary | **ours** | fixed limits | Flagger 99 %, 5 × 1 min | z after each window | Mann–Whitney, each 4th window |
|---|---|---|---|---|---|",
        );
    }

    pub(super) fn alarms(&mut self, name: &str, found: &[&Delays]) {
        self.row(name, found.iter().map(|delays| delays.percent()), 5);
    }

    pub(super) fn delays(&mut self) {
        self.line(
            "
Fixed limits: `analysis::verdict` (more than half a point and 1.5 times stable, over a minute). Mann–Whitney: Kayenta's
comparison at 98 %, tolerance 0.25, error ratios in per cent, from the fourth window on. An alarm of theirs is no
mistake of those who wrote them: they were made to be looked at once.

## Time to detect, in seconds after the damage began

Median (90 of 100 runs; mean of those that found it; how many did). The bound is the least *mean* that any judge with 1 %
false alarms can have which does not know stable's law beforehand (`judge::bound`); it knows nothing of windows. The other
judges: median (how many found it).

| canary | bound | **ours** | fixed limits | Flagger | Mann–Whitney |
|---|---|---|---|---|---|",
        );
    }

    pub(super) fn delay(&mut self, name: &str, bound: Option<f64>, found: &[&Delays]) {
        let bound = bound.map_or_else(String::new, |bound| format!("{bound:.1}"));
        let ours = found.first().map(|ours| {
            let (median, late) = (ours.quantile(500), ours.quantile(900));
            format!("**{median}** ({late}; {}; {})", ours.mean(), ours.percent())
        });
        let others = found.iter().skip(1);
        let others = others.map(|other| format!("{} ({})", other.quantile(500), other.percent()));
        self.row(name, std::iter::once(bound).chain(ours).chain(others), 5);
    }

    pub(super) fn passes(&mut self) {
        self.line(
            "
## Time to an early pass, in seconds

A canary as good as stable, 50 requests/s at 5 %, 0.1 % errors; and how often a canary that is exactly as bad as what the
pass must exclude is passed within the hour all the same (promised: 5 % at most).

| a pass | median | 90 of 100 | passed within the hour | wrongly passed |
|---|---|---|---|---|",
        );
    }

    pub(super) fn pass(&mut self, name: &str, good: &Delays, wrong: &Delays) {
        let cells = [good.quantile(500), good.quantile(900), good.percent(), wrong.percent()];
        self.row(name, cells.into_iter(), 4);
    }

    pub(super) fn speed(
        &mut self,
        (windows, taken): (f64, Duration),
        (verdicts, asked): (f64, Duration),
        bytes: usize,
    ) {
        let each = taken.as_secs_f64() / windows;
        let verdict = asked.as_secs_f64() / verdicts;
        self.line("\n## Cost\n");
        let _ = writeln!(
            self.text,
            "One core, 1 000 error ratios at once: {:.2} µs per window, {:.0} windows/s, so a thousand metrics are judged \
             {:.0} times\nper second. A verdict with its interval and outlook: {:.1} µs. Memory of this metric: {bytes} \
             bytes (limit of any: 4 096).",
            each * 1e6,
            1.0 / each,
            1.0 / each / 1_000.0,
            verdict * 1e6
        );
    }

    pub(super) fn finish(mut self, took: Duration) -> String {
        let _ = writeln!(self.text, "\nAll of this took {} s on two threads.", took.as_secs());
        self.text
    }
}
