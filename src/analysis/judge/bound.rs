//! How fast any test could be: the bound that no rule beats which is wrong at most with probability α.

/// Seconds that a rule with at most `alpha` false alarms ever needs on average to see that two arms differ, when
/// stable's law is not known beforehand (Wald's identity and data processing; Wald 1945, §4, Lai 1981): ln(1/α) over
/// the information per second, `rate_c·KL(P_c‖M) + rate_b·KL(P_b‖M)`, M the pooled law.
#[must_use]
pub fn mean_seconds_min(canary: (&[f64], f64), stable: (&[f64], f64), alpha: f64) -> f64 {
    let ((p_canary, rate_canary), (p_stable, rate_stable)) = (canary, stable);
    let rate = rate_canary + rate_stable;
    let pooled: Vec<f64> = p_canary
        .iter()
        .zip(p_stable)
        .map(|(mine, other)| (rate_canary * mine + rate_stable * other) / rate)
        .collect();
    let information =
        rate_canary * divergence(p_canary, &pooled) + rate_stable * divergence(p_stable, &pooled);
    -alpha.ln() / information
}

/// Kullback and Leibler's divergence, in nats.
fn divergence(law: &[f64], from: &[f64]) -> f64 {
    let parts = law.iter().zip(from).filter(|(p, _)| **p > 0.0);
    parts.map(|(p, q)| p * (p / q).ln()).sum()
}
