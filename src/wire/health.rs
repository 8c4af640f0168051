//! Health checks.

use super::fields::Refusal;
use super::fields::{Fields, Gate};
use crate::model::service::Healthcheck;
use crate::model::units::Nanos;

/// The check as the engine takes it: what is left out is the image's.
pub(super) fn healthcheck(check: Option<&Healthcheck>, gate: &Gate) -> Result<Fields, Refusal> {
    let mut fields = Fields::default();
    let Some(Healthcheck { test, timeout, interval, retries, start_period, start_interval, disable }) = check
    else {
        return Ok(fields);
    };
    if *disable {
        fields.put("Test", ["NONE"]);
        return Ok(fields);
    }
    let nanos = |duration: &Option<Nanos>| duration.map_or(0, |duration| duration.0);
    fields.set("Test", test);
    fields.set("Timeout", &nanos(timeout));
    fields.set("Interval", &nanos(interval));
    fields.set("Retries", &retries.unwrap_or_default());
    fields.set("StartPeriod", &nanos(start_period));
    if start_interval.is_some() {
        gate.need("healthcheck.start_interval", (1, 44))?;
        fields.set("StartInterval", &nanos(start_interval));
    }
    Ok(fields)
}
