//! A Poisson process that can be asked for any moment: how many events came until then. Nothing is
//! stored. The answer for a seed and a place is always the same, and never less for a later place.

/// Pieces smaller than this are not split further: an event in there counts once the piece is over.
const PIECE_MIN: f64 = 1.0 / 64.0;

/// Up to this mean a count is drawn exactly, above by the normal curve.
const EXACT_MAX: f64 = 32.0;

/// How many events of a process of rate one came until `place`. Whoever wants a rate that changes
/// asks with the number of events expected until then: time is stretched, the process stays the
/// same.
#[must_use]
pub fn arrivals(seed: u64, place: f64) -> f64 {
    if !place.is_finite() || place <= 0.0 {
        return 0.0;
    }
    // The line is cut into [0,1), [1,2), [2,4), [4,8) … each with a count of its own.
    let (mut from, mut size, mut total) = (0.0, 1.0, 0.0);
    let mut block = 1_u64;
    while from + size <= place {
        total += count(mix(seed, block), size);
        from += size;
        size = from;
        block += 1;
    }
    let seed = mix(seed, block);
    total + within(seed, count(seed, size), size, place - from)
}

/// How many of `count` events that fall somewhere in `size` fall before `place`.
fn within(seed: u64, count: f64, size: f64, place: f64) -> f64 {
    let (mut count, mut size, mut place, mut node, mut before) = (count, size, place, 1_u64, 0.0);
    while count > 0.0 && size > PIECE_MIN {
        let left = half_of(mix(seed, node), count);
        size /= 2.0;
        if place < size {
            count = left;
            node *= 2;
        } else {
            before += left;
            count -= left;
            place -= size;
            node = node * 2 + 1;
        }
    }
    before
}

/// A count with this mean.
fn count(seed: u64, mean: f64) -> f64 {
    if mean > EXACT_MAX {
        return (mean + mean.sqrt() * normal(seed)).round().max(0.0);
    }
    let (limit, mut product, mut count) = ((-mean).exp(), unit(mix(seed, 0)), 0.0);
    let mut draw = 1;
    while product > limit {
        product *= unit(mix(seed, draw));
        count += 1.0;
        draw += 1;
    }
    count
}

/// How many of `count` coins show heads.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are whole, not negative, and at most 64 there"
)]
fn half_of(seed: u64, count: f64) -> f64 {
    if count <= 63.0 {
        let coins = seed & ((1_u64 << (count as u32)) - 1);
        return f64::from(coins.count_ones());
    }
    (count / 2.0 + count.sqrt() / 2.0 * normal(seed)).round().clamp(0.0, count)
}

/// A number of the bell curve: the sum of four even ones is near enough, and never wild.
fn normal(seed: u64) -> f64 {
    let lane =
        |shift: u32| f64::from(u16::try_from(seed >> shift & 0xffff).unwrap_or(0)) / 65_536.0;
    let sum = lane(0) + lane(16) + lane(32) + lane(48);
    (sum - 2.0) * 3.0_f64.sqrt()
}

/// A number from 0 to 1.
#[must_use]
pub fn unit(seed: u64) -> f64 {
    f64::from(u32::try_from(seed >> 32).unwrap_or(0)) / 4_294_967_296.0
}

/// A number made of two, with all bits stirred (the end of splitmix64).
#[must_use]
pub const fn mix(seed: u64, with: u64) -> u64 {
    let mut z = seed ^ with.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x632b_e59b_d9b4_e019);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number made of a text.
#[must_use]
pub fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_place_never_has_fewer_events() {
        for seed in 0..20 {
            let mut last = 0.0;
            for step in 0..20_000_u32 {
                let now = arrivals(seed, f64::from(step) * 0.37);
                assert!(now >= last, "seed {seed} at {step}: {now} after {last}");
                assert!((now - now.round()).abs() < f64::EPSILON, "events are whole");
                last = now;
            }
        }
    }

    #[test]
    fn as_many_events_come_as_are_expected_and_they_wobble_as_chance_does() {
        let (mut sum, mut squares) = (0.0, 0.0);
        for seed in 0..2_000 {
            let off = arrivals(seed, 400.0) - arrivals(seed, 300.0) - 100.0;
            sum += off;
            squares += off * off;
        }
        assert!((sum / 2_000.0_f64).abs() < 1.0, "mean {}", sum / 2_000.0);
        let variance: f64 = squares / 2_000.0;
        assert!((80.0..120.0).contains(&variance), "variance {variance}");
    }

    #[test]
    fn rare_events_come_now_and_then() {
        let seen: f64 = (0..1_000).map(|seed| arrivals(seed, 0.5)).sum();
        assert!((400.0..600.0).contains(&seen), "{seen}");
    }

    #[test]
    fn what_is_no_place_has_no_events() {
        for place in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(arrivals(1, place).abs() < f64::EPSILON);
        }
    }
}
