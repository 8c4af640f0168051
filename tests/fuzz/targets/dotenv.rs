#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| reconcile_fuzz::checks::dotenv(input));
