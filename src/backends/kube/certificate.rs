//! Until when a certificate holds: just enough of X.509 to say "your client certificate expired yesterday" before
//! the server says something less clear.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use kube::config::AuthInfo;

use crate::domain::feed::Trouble;
use crate::domain::text::Text;

/// Refuses a client certificate that has expired: the server's own words for it are a bare "unauthorized" or a broken
/// connection.
pub(super) fn check(info: &AuthInfo, now: Timestamp) -> Result<(), Trouble> {
    use base64::Engine as _;
    let data = info.client_certificate_data.as_deref().filter(|data| !data.is_empty());
    let pem = match (data, info.client_certificate.as_deref()) {
        (Some(data), _) => base64::engine::general_purpose::STANDARD.decode(data.trim()).ok(),
        (None, Some(file)) => std::fs::read(file).ok(),
        (None, None) => None,
    };
    // What cannot be read here is refused by TLS in its own words.
    match pem.and_then(|pem| not_after(&pem)) {
        Some(end) if end <= now => {
            Err(Trouble::Tls(Text::clean(&format!("the client certificate expired on {end}"))))
        }
        Some(_) | None => Ok(()),
    }
}

/// The end of validity of the first certificate in this PEM text.
pub(super) fn not_after(pem: &[u8]) -> Option<Timestamp> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let certificate = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    let (_, certificate, _) = element(certificate.as_ref())?;
    let (_, mut rest, _) = element(certificate)?;
    // version (optional, tag 0xA0), serial, signature algorithm, issuer, then validity
    if rest.first() == Some(&0xA0) {
        rest = element(rest)?.2;
    }
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest)?;
    let (_, _, after_start) = element(validity)?;
    let (tag, end, _) = element(after_start)?;
    time(tag, std::str::from_utf8(end).ok()?)
}

/// Tag, content and what follows of one DER element.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut length = usize::from(*first);
    if length & 0x80 != 0 {
        let count = length & 0x7f;
        if count > 4 {
            return None;
        }
        let (bytes, after) = rest.split_at_checked(count)?;
        length = bytes.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}

/// `UTCTime` (tag 0x17, two digits of the year) or `GeneralizedTime` (tag 0x18, four).
fn time(tag: u8, raw: &str) -> Option<Timestamp> {
    let digits = raw.strip_suffix('Z')?;
    let full = match tag {
        0x17 => {
            let century = if digits.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
            format!("{century}{digits}")
        }
        0x18 => digits.to_owned(),
        _ => return None,
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%S", full).ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A self-signed certificate of 2020, made with `openssl ca -selfsign -startdate 20200101000000Z
    /// -enddate 20210101000000Z`.
    const OLD: &str = include_str!("../../../tests/data/certificates/old.pem");

    #[test]
    fn the_end_of_validity_is_read_from_the_certificate() {
        assert_eq!(not_after(OLD.as_bytes()), "2021-01-01T00:00:00Z".parse().ok());
    }

    #[test]
    fn an_expired_client_certificate_is_told_before_it_is_used() {
        use base64::Engine as _;
        let data = base64::engine::general_purpose::STANDARD.encode(OLD);
        let info = AuthInfo { client_certificate_data: Some(data), ..AuthInfo::default() };
        let at = |time: &str| time.parse().expect("a time");
        assert_eq!(check(&info, at("2020-06-01T00:00:00Z")), Ok(()));
        let late = check(&info, at("2021-01-01T00:00:00Z")).expect_err("expired");
        assert!(late.to_string().contains("expired on 2021-01-01"), "{late}");
        assert_eq!(check(&AuthInfo::default(), at("2021-01-01T00:00:00Z")), Ok(()));
    }

    #[test]
    fn rubbish_has_no_end_of_validity() {
        for raw in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x"] {
            assert_eq!(not_after(raw.as_bytes()), None, "{raw:?}");
        }
        for cut in 0..OLD.len() {
            let _ = not_after(&OLD.as_bytes()[..cut]);
        }
    }

    #[test]
    fn both_spellings_of_time_are_read() {
        for (tag, raw, want) in [
            (0x17, "491231235959Z", Some("2049-12-31T23:59:59Z")),
            (0x17, "991231235959Z", Some("1999-12-31T23:59:59Z")),
            (0x18, "20501231235959Z", Some("2050-12-31T23:59:59Z")),
            (0x18, "2050", None),
            (0x02, "20501231235959Z", None),
        ] {
            assert_eq!(time(tag, raw), want.and_then(|want| want.parse().ok()), "{raw}");
        }
    }
}
